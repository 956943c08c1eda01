// Package trust owns what a person outside the operator's boundary believes of a
// log: the pinned genesis, the quorum of witnesses, the newest checkpoint seen,
// the officers in office. What a server says passes through here before a member
// signs its name to it, a voter signs as one of a group, or a lab is told that a
// model is clear.
//
// Invariants:
//
//   - TR1: a checkpoint counts only with its quorum, and only if it extends, or is
//     extended by, the newest one seen before; two that do neither are kept as
//     evidence that a stranger can check.
//   - TR2: what was seen is durable before it is used: after a restart no older
//     history is believed.
//   - TR3: entry 0 is the pinned genesis, or the one seen first; another one is
//     refused for ever.
//   - TR4: an entry is believed only with its proof of inclusion under such a
//     checkpoint.
//   - TR5: what officers have to sign is believed only with the signatures of
//     their threshold, as genesis and the authority statements after it name them.
package trust

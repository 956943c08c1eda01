// Package keys owns signatures and the files that keys live in: signers from
// PEM files and from a KMS, verifiers from public keys, escrow keys, and ring
// secrets. It is the one importer of sigstore/sigstore.
//
//  1. A signature is Ed25519 (RFC 8032) or ECDSA P-256 over SHA-256, and
//     nothing else. ECDSA is DER with low S only, on signing and on verifying
//     (S2), so that no third party can make a second signature from a first.
//  2. Ed25519 is strict: S below the group's order and R as encoded (both
//     checked by crypto/ed25519, cofactorless), the public key's y below the
//     field's prime, and no public key of small order. Public keys with a
//     component of small order beside one of large order are not told apart
//     from others: only their own holder can make them, and gains no second
//     statement by it.
//  3. A public key has one encoding, its DER SubjectPublicKeyInfo with nothing
//     optional, and so one key ID (S1).
//  4. A key file is created whole or not at all, readable by its owner only,
//     and never overwritten.
//  5. KMS providers are executables of their own (sigstore's cliplugin):
//     no cloud SDK is linked.
package keys

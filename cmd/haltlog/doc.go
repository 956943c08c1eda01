// Command haltlog is everyone's tool but the operator's: officers draft, compare
// and sign policies and other statements offline, each on a machine of their own;
// registrars register runs; members check in and vote; labs check models against
// the blacklist; auditors verify the log; guards hold runs. It links no database
// and no part of the daemon.
//
// Exit codes: 0 yes or done, 1 error, 2 wrong command line, 3 the answer is no
// (listed, unverifiable, halted), 4 a person should look. With --output json the
// answer is one JSON document on standard output. Nothing is asked where standard
// input is no terminal. No output holds any part of a secret.
package main

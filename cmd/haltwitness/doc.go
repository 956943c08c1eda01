// Command haltwitness is a stand-alone C2SP witness (c2sp.org/tlog-witness):
// it cosigns checkpoints of the logs it was told of, and forwards votes.
//
//	haltwitness key new --name w1.example --out w1.key     prints the public key
//	haltwitness add-log --db w1.db VKEY                    once per log key
//	haltwitness serve --db w1.db --key w1.key --listen 127.0.0.1:8080
//
// # Restored backups
//
// A witness must remember what it signed. One whose database was put back to
// an older copy has forgotten roots, and could be brought to sign a second one
// for a size that it signed before: exactly what a split view needs. So the
// sizes last cosigned are also kept in a floor file beside the private key
// (KEY.floor, written within a second of each cosignature and when the witness
// stops), and serve refuses to start, with exit code 4, when the database is
// behind it, or when it is missing.
//
// Never put KEY.floor into a backup together with the database, and never
// restore it. After restoring a database:
//
//  1. Collect for each log the newest checkpoint that this witness cosigned:
//     the log publishes it, so do mirrors and monitors.
//  2. haltwitness restore --db w1.db --key w1.key CHECKPOINT...
//     It verifies the log's signature and this witness's own, and moves the
//     database forward, never back.
//  3. If the floor file is lost too, nobody but you can say that these were
//     the newest: repeat with --accept. If you cannot say so, retire the key
//     and make a new one. That costs the logs a line in their policy; a second
//     root costs every reader the witness.
//
// What this cannot detect: a database and a floor file restored together from
// one copy, the last second before a crash of a machine whose disk was then
// replaced, and one key used by two running witnesses. Do none of these.
//
// Exit codes: 0 ok, 1 error, 2 usage, 3 the answer is no, 4 a person should
// look.
package main

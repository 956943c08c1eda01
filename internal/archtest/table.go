package archtest

// Ban forbids a package, and all below it, direct imports under certain paths.
type Ban struct {
	From   string   // package of this module
	To     []string // import path prefixes: of this module without its path, or of others in full
	Reason string
}

// Bans lists what may not be imported directly.
func Bans() []Ban {
	const world = "decisions are values: a pure package reaches no socket, file, database or environment, so that every reader who replays it gets the same bytes (E1)"
	outside := []string{"net", "os", "database/sql", "syscall", "log/slog"}
	return []Ban{
		{"log", outside, world},
		{"witness", outside, world},
		{"blacklist", outside, world},
		{"policy", outside, world},
		{"log", []string{"witness", "blacklist", "policy", "internal/fold", "internal/engine", "internal/app"}, "the parts meet in internal/fold and internal/app alone: each can be read, replaced and trusted on its own"},
		{"witness", []string{"log", "blacklist", "policy", "internal/dsse"}, "a witness serves any log and never sees a statement"},
		{"blacklist", []string{"log", "witness", "policy", "internal/dsse"}, "the private side depends on no statement's form"},
		{"policy", []string{"log", "witness", "blacklist", "internal"}, "the halt engine is std only and never sees a signature"},
		{"internal/checkpoint", []string{"net/http", "os", "log", "policy", "witness", "blacklist"}, "documents are parsed and printed, not fetched"},
		{"internal/fold", []string{"net", "os", "internal/engine", "internal/app", "internal/httpapi", "internal/tesseralog"}, "engine and auditor share it: it must judge by entries alone"},
		{"internal/guard", []string{"internal/tesseralog", "internal/engine", "internal/httpapi", "internal/app"}, "the guard stands outside the operator's trust boundary"},
		{"internal/guardian", []string{"internal/tesseralog", "internal/engine", "internal/httpapi", "internal/app"}, "the guard stands outside the operator's trust boundary"},
		{"internal/guard", []string{Module + "/log", "policy", "witness", "blacklist", "internal/client"}, "what stops a process works on values: statements and the network are internal/guardian's"},
		{"internal/group", []string{Module + "/log", "policy", "witness", "blacklist", "net", "os"}, "arithmetic knows no protocol"},
		{"internal/ring", []string{Module + "/log", "policy", "witness", "blacklist", "net", "os"}, "a ring signature signs bytes, and asks nobody"},
		{"internal/trust", []string{"internal/tesseralog", "internal/engine", "internal/httpapi", "internal/app"}, "a reader trusts none of the operator's code"},
		{"internal/listsync", []string{"internal/tesseralog", "internal/engine", "internal/httpapi", "internal/app"}, "a lab trusts none of the operator's code, nor a mirror's"},
		{"internal/mirror", []string{"internal/tesseralog", "internal/engine", "internal/httpapi", "internal/app"}, "a mirror stands outside the operator's trust boundary: it believes what it verifies"},
		{"internal/audit", []string{"internal/tesseralog", "internal/engine", "internal/httpapi", "internal/app", "internal/projection"}, "the auditor trusts none of the operator's code paths but the shared fold"},
	}
}

// Owner names the packages that may import a third party directly.
type Owner struct {
	Module string // import path prefix
	By     []string
	Reason string
}

// Owners lists every third party of the module. One that is missing fails the test.
func Owners() []Owner {
	const one = "one third party, one importer: it is wrapped, audited and replaced in one place"
	return []Owner{
		{"github.com/transparency-dev/tessera", []string{"internal/tesseralog"}, one},
		{"k8s.io/klog/v2", []string{"internal/tesseralog"}, "Tessera logs through it, one logger for the whole process: routed to slog"},
		{"github.com/gtank/ristretto255", []string{"internal/group"}, one},
		{"filippo.io/edwards25519", []string{"internal/group", "internal/keys"}, "ristretto255's own field arithmetic, pinned for CVE-2026-26958; the strict point check of RFC 8032 keys"},
		{"filippo.io/mldsa", []string{"internal/checkpoint"}, one},
		{"golang.org/x/mod", []string{"internal/checkpoint"}, one},
		{"github.com/transparency-dev/merkle", []string{"log"}, one},
		{"github.com/sigstore/sigstore", []string{"internal/keys"}, one},
		{"go.etcd.io/bbolt", []string{"internal/boltstore"}, one},
		{"github.com/go-chi/chi/v5", []string{"internal/httpapi"}, one},
		{"golang.org/x/sys", []string{"internal/guard", "internal/spread"}, "system calls: what the guard holds a process with, and the measuring network's TUN devices, which no product binary links"},
		{"github.com/BurntSushi/toml", []string{"internal/config"}, one},
		{"github.com/prometheus/client_golang", []string{"internal/obs"}, one},
		{"github.com/zeebo/blake3", []string{"blacklist/fingerprint"}, "a tensor's values beside SHA-256 of the same file: three times as fast, of the same 256 bits; CC0, since 2020, in rclone; held to a second implementation by a fuzz target"},
		{"github.com/alecthomas/kong", []string{"internal/cli"}, one},
		{"github.com/schollz/progressbar/v3", []string{"cmd/haltlog"}, "a terminal is the binary's own, and only this one has long work for people"},
	}
}

// Link forbids a binary to link certain packages at all, however far down.
type Link struct {
	Binary string
	Never  []string
	Reason string
}

// Links lists what each binary must not contain.
func Links() []Link {
	return []Link{
		{"cmd/haltlog", []string{"github.com/transparency-dev/tessera", "go.etcd.io/bbolt", "github.com/jackc/pgx/v5", "database/sql", "internal/engine", "internal/lister", "internal/app", "internal/httpapi"}, "everyone else's tool links no database and no Tessera: a stranger reads less to trust it"},
		{"cmd/haltwitness", []string{Module + "/log", "policy", "blacklist", "internal/fold", "internal/engine", "github.com/transparency-dev/tessera"}, "a witness serves any log and is small enough to be read in an evening"},
	}
}

// Workshop lists what serves to build, test and measure the product, beside the
// packages of fixtures, whose names end in test. No binary links any of it.
func Workshop() []string {
	return []string{"internal/archtest", "internal/bench", "internal/docgen", "internal/faults", "internal/printreport", "internal/rig", "internal/spread", "internal/tesseralog/memlog"}
}

// Processes lists the packages that may listen to signals or end the process: what
// is a process of its own. Anybody else returns.
func Processes() []string {
	return []string{"cmd", "internal/bench", "internal/docgen", "internal/guard", "internal/printreport"}
}

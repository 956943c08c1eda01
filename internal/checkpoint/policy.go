package checkpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Quorum is a parsed tlog-policy (c2sp.org/tlog-policy): which logs and
// witnesses are known, and which sets of witnesses are enough. It is immutable
// and safe for concurrent use.
type Quorum struct {
	logs      []PolicyLog
	witnesses []PolicyWitness
	groups    []PolicyGroup
	rule      string // name of a witness or group, or "none"

	// Prepared by ParseQuorum: verifiers in the order of logs and witnesses,
	// and the witnesses that the rule can reach, by index.
	logKeys     []*Verifier
	witnessKeys []*Verifier
	counted     []bool
}

// A PolicyLog is a log line: "log <vkey> [<url>]".
type PolicyLog struct {
	Key VKey   // Key.Name is the log's origin
	URL string // empty if absent; opaque
}

// A PolicyWitness is a witness line: "witness <name> <vkey> [<url>]".
type PolicyWitness struct {
	Name string // octets without blanks, opaque; only for this file's groups
	Key  VKey
	URL  string // empty if absent; by recommendation the submission prefix
}

// A PolicyGroup is a group line: K of Members, 1 ≤ K ≤ len(Members).
type PolicyGroup struct {
	Name    string
	K       int
	Members []string // names of witnesses or groups defined before
}

// None is the quorum rule that asks for no cosignature.
const None = "none"

// Logs are the known log keys, in the file's order.
func (q *Quorum) Logs() []PolicyLog { return slices.Clone(q.logs) }

// Witnesses are the known witnesses, in the file's order.
func (q *Quorum) Witnesses() []PolicyWitness { return slices.Clone(q.witnesses) }

// Groups are the groups, in the file's order.
func (q *Quorum) Groups() []PolicyGroup {
	gs := slices.Clone(q.groups)
	for i := range gs {
		gs[i].Members = slices.Clone(gs[i].Members)
	}
	return gs
}

// Rule is the name on the quorum line: a witness, a group, or [None].
func (q *Quorum) Rule() string { return q.rule }

// ParseQuorum parses a tlog-policy strictly: whatever the document does not
// allow is an error that names the line, above all every form that nothing
// would satisfy ("group g 0 a", a second quorum line, no quorum line). Errors
// are [ErrMalformed] or [ErrKey].
func ParseQuorum(b []byte) (*Quorum, error) {
	if len(b) > MaxPolicy {
		return nil, fmt.Errorf("tlog-policy: longer than %d bytes: %w", MaxPolicy, ErrMalformed)
	}
	// "the allowed octet values are 0x09 (tab), 0x0A (newline), 0x20-0x7E, and
	// 0x80-0xFF"
	for i, c := range b {
		if c != '\t' && c != '\n' && (c < 0x20 || c == 0x7f) {
			return nil, fmt.Errorf("tlog-policy: octet 0x%02x at %d: %w", c, i, ErrMalformed)
		}
	}
	// "each line is terminated by ASCII newline"
	text, ok := strings.CutSuffix(string(b), "\n")
	if !ok {
		return nil, fmt.Errorf("tlog-policy: no final newline: %w", ErrMalformed)
	}
	p := policyParser{q: &Quorum{}, defined: map[string]bool{}, member: map[string]bool{}, keys: map[string]bool{}}
	for i, line := range strings.Split(text, "\n") {
		// Space and tab only: strings.Fields would also split at other
		// Unicode spaces, which are opaque octets here.
		f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(f) == 0 || f[0][0] == '#' {
			continue
		}
		if err := p.line(f); err != nil {
			return nil, fmt.Errorf("tlog-policy: line %d: %w", i+1, err)
		}
	}
	// "A policy file must include exactly one quorum line."
	if p.q.rule == "" {
		return nil, fmt.Errorf("tlog-policy: no quorum line: %w", ErrMalformed)
	}
	p.q.counted = make([]bool, len(p.q.witnesses))
	p.q.markCounted(p.q.rule)
	return p.q, nil
}

// String is the policy in canonical form: logs, witnesses, groups with a
// numeric threshold, and the quorum, single blanks, no comments. Parsing and
// printing it again gives the same bytes.
func (q *Quorum) String() string {
	var b strings.Builder
	opt := func(url string) string {
		if url == "" {
			return ""
		}
		return " " + url
	}
	for _, l := range q.logs {
		b.WriteString("log " + l.Key.String() + opt(l.URL) + "\n")
	}
	for _, w := range q.witnesses {
		b.WriteString("witness " + w.Name + " " + w.Key.String() + opt(w.URL) + "\n")
	}
	for _, g := range q.groups {
		b.WriteString("group " + g.Name + " " + strconv.Itoa(g.K) + " " + strings.Join(g.Members, " ") + "\n")
	}
	b.WriteString("quorum " + q.rule + "\n")
	return b.String()
}

type policyParser struct {
	q       *Quorum
	defined map[string]bool // witness and group names
	member  map[string]bool // names that are already a member of a group
	keys    map[string]bool // public keys, whatever their name, ID or type
}

func (p *policyParser) line(f []string) error {
	switch f[0] {
	case "log":
		if len(f) != 2 && len(f) != 3 {
			return fmt.Errorf("log <vkey> [<url>]: %w", ErrMalformed)
		}
		key, v, err := p.key(f[1], TypeEd25519, TypeMLDSA44Cosignature)
		if err != nil {
			return err
		}
		if len(p.q.logs) == MaxPolicyItems {
			return fmt.Errorf("more than %d logs: %w", MaxPolicyItems, ErrMalformed)
		}
		p.q.logs = append(p.q.logs, PolicyLog{Key: key, URL: strings.Join(f[2:], "")})
		p.q.logKeys = append(p.q.logKeys, v)
		return nil
	case "witness":
		if len(f) != 3 && len(f) != 4 {
			return fmt.Errorf("witness <name> <vkey> [<url>]: %w", ErrMalformed)
		}
		key, v, err := p.key(f[2], TypeEd25519Cosignature, TypeMLDSA44Cosignature)
		if err != nil {
			return err
		}
		if err := p.define(f[1]); err != nil {
			return err
		}
		if len(p.q.witnesses) == MaxPolicyItems {
			return fmt.Errorf("more than %d witnesses: %w", MaxPolicyItems, ErrMalformed)
		}
		p.q.witnesses = append(p.q.witnesses, PolicyWitness{Name: f[1], Key: key, URL: strings.Join(f[3:], "")})
		p.q.witnessKeys = append(p.q.witnessKeys, v)
		return nil
	case "group":
		return p.group(f)
	case "quorum":
		if len(f) != 2 {
			return fmt.Errorf("quorum <name>: %w", ErrMalformed)
		}
		if p.q.rule != "" {
			return fmt.Errorf("second quorum line: %w", ErrMalformed)
		}
		// "the quorum line must specify a witness or group defined earlier"
		if f[1] != None && !p.defined[f[1]] {
			return fmt.Errorf("quorum of undefined %q: %w", f[1], ErrMalformed)
		}
		p.q.rule = f[1]
		return nil
	}
	return fmt.Errorf("unknown word %q: %w", f[0], ErrMalformed)
}

// key parses a vkey of one of the types. "Log and witness keys must use a
// signature type appropriate" to their function; a public key stands once in
// the whole file, so that no key speaks for two parties.
func (p *policyParser) key(s string, types ...byte) (VKey, *Verifier, error) {
	key, err := ParseVKey(s)
	if err != nil {
		return VKey{}, nil, err
	}
	if !slices.Contains(types, key.Type) {
		return VKey{}, nil, fmt.Errorf("key of type 0x%02x here: %w", key.Type, ErrKey)
	}
	if p.keys[string(key.Key)] {
		return VKey{}, nil, fmt.Errorf("duplicate public key: %w", ErrMalformed)
	}
	p.keys[string(key.Key)] = true
	v, err := NewVerifier(key)
	return key, v, err
}

// define takes a name in the one name space of witnesses and groups.
func (p *policyParser) define(name string) error {
	if name == None {
		return fmt.Errorf("name none is reserved: %w", ErrMalformed)
	}
	if len(name) > MaxName {
		return fmt.Errorf("name of %d bytes: %w", len(name), ErrMalformed)
	}
	if p.defined[name] {
		return fmt.Errorf("name %q defined twice: %w", name, ErrMalformed)
	}
	p.defined[name] = true
	return nil
}

func (p *policyParser) group(f []string) error {
	// "At least one member must be listed (i.e., n >= 1)."
	if len(f) < 4 {
		return fmt.Errorf("group <name> <k|any|all> <member>...: %w", ErrMalformed)
	}
	g := PolicyGroup{Name: f[1], Members: slices.Clone(f[3:])}
	switch f[2] {
	case "any":
		g.K = 1
	case "all":
		g.K = len(g.Members)
	default:
		// "If k is given numerically, it must be written in decimal, and it is
		// required that 1 <= k <= n."
		k, err := strconv.Atoi(f[2])
		if err != nil || strconv.Itoa(k) != f[2] || k < 1 || k > len(g.Members) {
			return fmt.Errorf("threshold %q of %d: %w", f[2], len(g.Members), ErrMalformed)
		}
		g.K = k
	}
	for _, m := range g.Members {
		// Checked before the group's own name is defined: "a group definition
		// can only refer to names defined on preceding lines".
		if !p.defined[m] {
			return fmt.Errorf("member %q not defined before: %w", m, ErrMalformed)
		}
		// "Each defined name can be listed as a group member at most once."
		if p.member[m] {
			return fmt.Errorf("member %q for the second time: %w", m, ErrMalformed)
		}
		p.member[m] = true
	}
	if err := p.define(g.Name); err != nil {
		return err
	}
	if len(p.q.groups) == MaxPolicyItems {
		return fmt.Errorf("more than %d groups: %w", MaxPolicyItems, ErrMalformed)
	}
	p.q.groups = append(p.q.groups, g)
	return nil
}

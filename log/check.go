package log

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/dsse"
)

// checks collects the first thing out of bounds in a statement.
type checks struct{ err error }

func (c *checks) that(ok bool, place, reason string) {
	if !ok && c.err == nil {
		c.err = &SyntaxError{Place: place, Reason: reason}
	}
}

func (c *checks) with(err error, place string) {
	if err != nil && c.err == nil {
		c.err = &SyntaxError{Place: place, Reason: err.Error(), Err: err}
	}
}

// ValidName reports whether s matches [a-z0-9][a-z0-9._-]{0,62}: ids of runs,
// chains, classes, pseudonyms, tripwires and keys' names.
func ValidName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || i > 0 && (c == '.' || c == '_' || c == '-') {
			continue
		}
		return false
	}
	return true
}

// ValidOrigin reports whether s may name a log: printable ASCII without blank
// and plus sign (C2SP signed-note), at most [MaxOrigin] bytes.
func ValidOrigin(s string) bool {
	if s == "" || len(s) > MaxOrigin {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '+' {
			return false
		}
	}
	return true
}

func (c *checks) origin(s string) {
	c.that(ValidOrigin(s), "origin", "printable ASCII without blank and plus, 1 to 255 bytes")
}

func (c *checks) name(place, s string) {
	c.that(ValidName(s), place, "want [a-z0-9][a-z0-9._-]{0,62}")
}

// text is one line for people.
func (c *checks) text(place, s string, least, most int) {
	c.that(len(s) >= least && len(s) <= most, place, fmt.Sprintf("%d to %d bytes", least, most))
	c.that(strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 }) < 0, place, "control character")
}

// token is printable ASCII without blanks, for machines.
func (c *checks) token(place, s string, least, most int) {
	c.that(len(s) >= least && len(s) <= most, place, fmt.Sprintf("%d to %d bytes", least, most))
	c.that(strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0, place, "want printable ASCII without blanks")
}

func (c *checks) size(place string, b []byte, least, most int) {
	c.that(len(b) >= least && len(b) <= most, place, fmt.Sprintf("%d to %d bytes", least, most))
}

func (c *checks) count(place string, n, least, most int) {
	c.that(n >= least && n <= most, place, fmt.Sprintf("%d to %d of them", least, most))
}

func (c *checks) between(place string, n, least, most int64) {
	c.that(n >= least && n <= most, place, fmt.Sprintf("%d to %d", least, most))
}

// signingKey wants a key that signs, and its possession proof.
func (c *checks) signingKey(place string, spki, proof []byte) {
	a, ok := CheckSPKI(spki)
	c.that(ok && a != X25519, place+".spki", "want an Ed25519 or ECDSA P-256 key as DER SubjectPublicKeyInfo")
	c.size(place+".proof", proof, 1, MaxProof)
}

// grants wants keys sorted by role and name, no name twice in a role and no
// key twice at all.
func (c *checks) grants(place string, keys []KeyGrant, least int) {
	c.count(place, len(keys), least, MaxKeys)
	seen := make(map[string]bool, len(keys))
	for i, k := range keys {
		at := fmt.Sprintf("%s[%d]", place, i)
		c.that(slices.Contains(GrantedRoles(), k.Role), at+".role", "no role that officers grant in this version")
		c.name(at+".name", k.Name)
		if k.Role == RoleEscrow {
			a, ok := CheckSPKI(k.SPKI)
			c.that(ok && a == X25519, at+".spki", "want an X25519 key as DER SubjectPublicKeyInfo")
			c.that(len(k.Proof) == 0, at+".proof", "an escrow key signs nothing")
		} else {
			c.signingKey(at, k.SPKI, k.Proof)
		}
		id := KeyID(k.SPKI)
		c.that(!seen[id], at+".spki", "key stands twice")
		seen[id] = true
		if i > 0 {
			p := keys[i-1]
			c.that(p.Role < k.Role || p.Role == k.Role && p.Name < k.Name, at, "not sorted by role and name, or a name twice")
		}
	}
}

// address wants an http or https URL without a slash at its end, or nothing.
func (c *checks) address(place, s string) {
	if s == "" {
		return
	}
	c.token(place, s, 1, MaxAddress)
	scheme, rest, ok := strings.Cut(s, "://")
	c.that(ok && (scheme == "http" || scheme == "https") && rest != "" && !strings.HasPrefix(rest, "/") && !strings.HasSuffix(s, "/"), place,
		"want an http or https URL without a slash at its end")
}

func (c *checks) keyID(place, id string) {
	c.that(dsse.CheckKeyID(id) == nil && !strings.HasPrefix(id, dsse.RingPrefix), place, "want 64 lower-case hexadecimal digits")
}

// quorum wants a strict tlog-policy with a key of this log and at least one
// witness that counts.
func (c *checks) quorum(place, text, origin string) {
	c.that(len(text) > 0 && len(text) <= MaxQuorumText, place, fmt.Sprintf("1 to %d bytes", MaxQuorumText))
	if c.err != nil {
		return
	}
	q, err := checkpoint.ParseQuorum([]byte(text))
	if err != nil {
		c.with(err, place)
		return
	}
	logs := q.Logs()
	c.that(slices.ContainsFunc(logs, func(l checkpoint.PolicyLog) bool { return l.Key.Name == origin }), place, "no log key of this origin")
	c.that(q.Rule() != checkpoint.None, place, "quorum none witnesses nothing")
}

// sorted wants a strictly rising list.
func sorted[T any](c *checks, place string, list []T, compare func(a, b T) int) {
	for i := 1; i < len(list); i++ {
		if compare(list[i-1], list[i]) >= 0 {
			c.that(false, fmt.Sprintf("%s[%d]", place, i), "not sorted, or one stands twice")
			return
		}
	}
}

func compareBytes(a, b Bytes) int { return bytes.Compare(a, b) }

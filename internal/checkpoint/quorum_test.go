package checkpoint_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// world is a log and witnesses w1 to w3 (the third with ML-DSA-44), with a
// policy of 2 of 3.
type world struct {
	log    keyPair
	w      []keyPair
	policy string
	q      *checkpoint.Quorum
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{log: newKey(t, checkpoint.TypeEd25519, testOrigin, 10)}
	w.policy = "log " + w.log.vkey + " https://log.example/\n"
	for i, typ := range []byte{checkpoint.TypeEd25519Cosignature, checkpoint.TypeEd25519Cosignature, checkpoint.TypeMLDSA44Cosignature} {
		k := newKey(t, typ, fmt.Sprintf("w%d.example", i+1), byte(20+i))
		w.w = append(w.w, k)
		w.policy += fmt.Sprintf("witness w%d %s\n", i+1, k.vkey)
	}
	w.policy += "group g 2 w1 w2 w3\nquorum g\n"
	var err error
	if w.q, err = checkpoint.ParseQuorum([]byte(w.policy)); err != nil {
		t.Fatal(err)
	}
	return w
}

// signed is a checkpoint with the log's line and those of the witnesses by
// index, at times 1000 + index.
func (w world) signed(t testing.TB, c checkpoint.Checkpoint, witnesses ...int) string {
	t.Helper()
	var s strings.Builder
	s.WriteString(c.String() + "\n" + w.log.sign(t, c, 0))
	for _, i := range witnesses {
		s.WriteString(w.w[i].sign(t, c, uint64(1000+i)))
	}
	return s.String()
}

func TestPolicyRefuses(t *testing.T) {
	t.Attr("invariant", "L3")
	w := newWorld(t)
	l2 := newKey(t, checkpoint.TypeEd25519Cosignature, testOrigin, 10).vkey // the log's key as a cosigner
	w1as := newKey(t, checkpoint.TypeEd25519Cosignature, "other.example", 20).vkey
	sub := func(old, new string) string {
		s := strings.Replace(w.policy, old, new, 1)
		if s == w.policy {
			t.Fatalf("%q is not in the policy", old)
		}
		return s
	}
	for name, p := range map[string]string{
		"empty":                       "",
		"no quorum":                   sub("quorum g\n", ""),
		"second quorum":               w.policy + "quorum g\n",
		"second quorum none":          w.policy + "quorum none\n",
		"threshold 0":                 sub("group g 2", "group g 0"),
		"threshold above n":           sub("group g 2", "group g 4"),
		"threshold negative":          sub("group g 2", "group g -1"),
		"threshold with plus":         sub("group g 2", "group g +2"),
		"threshold with zero":         sub("group g 2", "group g 02"),
		"threshold a word":            sub("group g 2", "group g most"),
		"group without members":       sub("group g 2 w1 w2 w3", "group g all"),
		"member twice":                sub("w1 w2 w3\n", "w1 w1 w3\n"),
		"member of two groups":        sub("quorum g", "group h 1 w1\nquorum g"),
		"member undefined":            sub("w1 w2 w3\n", "w1 w2 w4\n"),
		"member of itself":            sub("w1 w2 w3\n", "w1 w2 g\n"),
		"member none":                 sub("w1 w2 w3\n", "w1 w2 none\n"),
		"group used before":           "group g 1 w1\n" + sub("group g 2 w1 w2 w3\n", ""),
		"quorum undefined":            sub("quorum g", "quorum h"),
		"quorum before group":         "quorum g\n" + sub("quorum g\n", ""),
		"quorum of two":               sub("quorum g", "quorum w1 w2"),
		"witness named none":          sub("witness w1", "witness none"),
		"group named none":            sub("group g 2", "group none 2"),
		"witness name twice":          sub("witness w2", "witness w1"),
		"group named as witness":      sub("group g 2", "group w1 2"),
		"witness key twice":           sub("group g", "witness w4 "+w.w[0].vkey+"\ngroup g"),
		"witness key, other name":     sub("group g", "witness w4 "+w1as+"\ngroup g"),
		"log key twice":               "log " + w.log.vkey + "\n" + w.policy,
		"log key as witness":          sub("group g", "witness w4 "+l2+"\ngroup g"),
		"log key of a cosigner":       "log " + newKey(t, checkpoint.TypeEd25519Cosignature, "l", 77).vkey + "\n" + w.policy,
		"witness with a note key":     sub("group g", "witness w4 "+newKey(t, checkpoint.TypeEd25519, "l", 77).vkey+"\ngroup g"),
		"log with too much":           sub("https://log.example/", "https://log.example/ x"),
		"witness without key":         "witness w9\n" + w.policy,
		"log without key":             "log\n" + w.policy,
		"unknown word":                "wittness w9\n" + w.policy,
		"comment after a word":        sub("quorum g", "quorum g # two of three"),
		"CRLF":                        strings.ReplaceAll(w.policy, "\n", "\r\n"),
		"DEL":                         "#\x7f\n" + w.policy,
		"form feed":                   sub("quorum g", "quorum\fg"),
		"no-break space as separator": sub("quorum g", "quorum\u00a0g"),
		"no final newline":            strings.TrimSuffix(w.policy, "\n"),
		"long":                        "#" + strings.Repeat("a", checkpoint.MaxPolicy) + "\n" + w.policy,
	} {
		t.Run(name, func(t *testing.T) {
			if q, err := checkpoint.ParseQuorum([]byte(p)); err == nil {
				t.Fatalf("accepted as\n%s", q)
			}
		})
	}
}

func TestPolicyAccepts(t *testing.T) {
	w := newWorld(t)
	for name, p := range map[string]string{
		"comments and blanks": "\n \t\n# a\n\t # b\xff\n" + strings.ReplaceAll(w.policy, " ", " \t "),
		"no log":              strings.SplitAfterN(w.policy, "\n", 2)[1],
		"none":                "quorum none\n",
		"one witness":         strings.Replace(w.policy, "quorum g", "quorum w1", 1),
		"any":                 strings.Replace(w.policy, "group g 2", "group g any", 1),
		"all":                 strings.Replace(w.policy, "group g 2", "group g all", 1),
		"nested":              strings.Replace(w.policy, "group g 2 w1 w2 w3", "group h any w2 w3\ngroup g 2 w1 h", 1),
		"quorum in between":   strings.Replace(w.policy, "quorum g\n", "quorum g\nwitness w4 "+newKey(t, checkpoint.TypeEd25519Cosignature, "w4", 66).vkey+"\n", 1),
		"opaque octets":       "witness K\xff " + w.w[0].vkey + "\nquorum K\xff\n",
	} {
		t.Run(name, func(t *testing.T) {
			q, err := checkpoint.ParseQuorum([]byte(p))
			if err != nil {
				t.Fatal(err)
			}
			again, err := checkpoint.ParseQuorum([]byte(q.String()))
			if err != nil || again.String() != q.String() {
				t.Fatalf("%v: %s", err, cmp.Diff(q.String(), again.String()))
			}
		})
	}
	// tlog-policy: at least 32 of each.
	var p strings.Builder
	for i := range 32 {
		fmt.Fprintf(&p, "log %s\nwitness w%d %s\n", newKey(t, checkpoint.TypeEd25519, fmt.Sprintf("l%d", i), byte(i)).vkey,
			i, newKey(t, checkpoint.TypeEd25519Cosignature, fmt.Sprintf("w%d", i), byte(100+i)).vkey)
		prev := ""
		if i > 0 {
			prev = fmt.Sprintf(" g%d", i-1)
		}
		fmt.Fprintf(&p, "group g%d all w%d%s\n", i, i, prev)
	}
	if _, err := checkpoint.ParseQuorum([]byte(p.String() + "quorum g31\n")); err != nil {
		t.Fatal(err)
	}
}

func TestQuorumVerify(t *testing.T) {
	t.Attr("invariant", "L3")
	w := newWorld(t)
	c := testCheckpoint(1234)
	stranger := newKey(t, checkpoint.TypeEd25519Cosignature, "w1.example", 99).sign(t, c, 5)
	for name, tc := range map[string]struct {
		note string
		err  error
		want string // names counted
	}{
		"two":              {w.signed(t, c, 0, 1), nil, "[w1 w2] 1000 1001"},
		"two, ML-DSA":      {w.signed(t, c, 2, 0), nil, "[w1 w3] 1000 1002"},
		"three":            {w.signed(t, c, 2, 1, 0), nil, "[w1 w2 w3] 1000 1002"},
		"stranger ignored": {w.signed(t, c, 1, 2) + stranger, nil, "[w2 w3] 1001 1002"},
		"one":              {w.signed(t, c, 1), checkpoint.ErrQuorum, ""},
		"none":             {w.signed(t, c), checkpoint.ErrQuorum, ""},
		"stranger no help": {w.signed(t, c, 1) + stranger, checkpoint.ErrQuorum, ""},
		"one twice":        {w.signed(t, c, 1, 1), checkpoint.ErrMalformed, ""},
		"one at two times": {w.signed(t, c, 1) + w.w[1].sign(t, c, 7), checkpoint.ErrMalformed, ""},
		"bad beyond quorum": {
			w.signed(t, c, 0, 1) + w.w[2].sign(t, testCheckpoint(1235), 9), checkpoint.ErrSignature, "",
		},
		"no log line": {
			strings.Replace(w.signed(t, c, 0, 1), w.log.sign(t, c, 0), "", 1), checkpoint.ErrUnsigned, "",
		},
		"bad log line": {
			strings.Replace(w.signed(t, c, 0, 1), w.log.sign(t, c, 0), w.log.sign(t, testCheckpoint(9), 0), 1), checkpoint.ErrSignature, "",
		},
		"time 0 counts not": {
			w.signed(t, c, 0) + w.w[2].sign(t, c, 0), checkpoint.ErrQuorum, "",
		},
		"size 0, other root": {w.signed(t, testCheckpoint(0), 0, 1), checkpoint.ErrMalformed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := w.q.Verify([]byte(tc.note))
			if tc.err != nil {
				wantErr(t, err, tc.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range v.Cosigned {
				names = append(names, s.Name)
			}
			if got := fmt.Sprint(names, v.MinTime, v.MaxTime); got != tc.want || !v.Log.Equal(w.log.signer.VKey()) || !bytes.Equal(v.Raw, []byte(tc.note)) {
				t.Fatalf("got %s, want %s", got, tc.want)
			}
			m, err := w.q.Minimal([]byte(tc.note))
			if err != nil {
				t.Fatal(err)
			}
			mv, err := w.q.VerifyExact(m)
			if err != nil || len(mv.Cosigned) != 2 {
				t.Fatalf("%v, %d cosignatures", err, len(mv.Cosigned))
			}
			again, err := w.q.Minimal(m)
			if err != nil || !bytes.Equal(again, m) {
				t.Fatal("minimal is not stable")
			}
		})
	}
}

// TestVerifyExact: one thing more, less, or in another place than one minimal
// quorum is refused, although Verify takes it.
func TestVerifyExact(t *testing.T) {
	w := newWorld(t)
	c := testCheckpoint(1234)
	stranger := newKey(t, checkpoint.TypeEd25519Cosignature, "s.example", 99).sign(t, c, 5)
	wl := func(i int) string { return w.w[i].sign(t, c, uint64(1000+i)) }
	log := w.log.sign(t, c, 0)
	head := c.String() + "\n"
	for name, note := range map[string]string{
		"three":         w.signed(t, c, 0, 1, 2),
		"other order":   w.signed(t, c, 1, 0),
		"log last":      head + wl(0) + wl(1) + log,
		"with stranger": w.signed(t, c, 0, 1) + stranger,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := w.q.Verify([]byte(note)); err != nil {
				t.Fatal(err)
			}
			_, err := w.q.VerifyExact([]byte(note))
			wantErr(t, err, checkpoint.ErrNotExact)
		})
	}
	if _, err := w.q.VerifyExact([]byte(w.signed(t, c, 1))); err == nil {
		t.Fatal("less than a quorum accepted")
	}
}

// TestQuorumOrigin: a log's key speaks for its own origin only.
func TestQuorumOrigin(t *testing.T) {
	w := newWorld(t)
	other := newKey(t, checkpoint.TypeEd25519, "other.example/log", 50)
	q, err := checkpoint.ParseQuorum([]byte("log " + other.vkey + "\n" + w.policy))
	if err != nil {
		t.Fatal(err)
	}
	c := testCheckpoint(8)
	forged := c.String() + "\n" + other.sign(t, c, 0) + w.w[0].sign(t, c, 1) + w.w[1].sign(t, c, 2)
	_, err = q.Verify([]byte(forged))
	wantErr(t, err, checkpoint.ErrUnsigned)
	both := strings.Replace(forged, "\n\n", "\n\n"+w.log.sign(t, c, 0), 1)
	if v, err := q.Verify([]byte(both)); err != nil || v.Log.Name != testOrigin {
		t.Fatal(v.Log, err)
	}
}

// TestQuorumAgainstModel holds every set of five witnesses under a nested
// policy against the rule written out by hand, and every minimal quorum
// against the loss of each of its members.
func TestQuorumAgainstModel(t *testing.T) {
	log := newKey(t, checkpoint.TypeEd25519, testOrigin, 1)
	var p strings.Builder
	p.WriteString("log " + log.vkey + "\n")
	var w []keyPair
	for i := range 6 {
		w = append(w, newKey(t, checkpoint.TypeEd25519Cosignature, fmt.Sprintf("x%d", i), byte(30+i)))
		p.WriteString(fmt.Sprintf("witness x%d %s\n", i, w[i].vkey))
	}
	// x5 is listed and reachable by no group of the quorum.
	p.WriteString("group a 2 x0 x1 x2\ngroup b any x3 x4\ngroup c all a b\nquorum c\n")
	q, err := checkpoint.ParseQuorum([]byte(p.String()))
	if err != nil {
		t.Fatal(err)
	}
	c := testCheckpoint(3)
	note := func(set int) string {
		var s strings.Builder
		s.WriteString(c.String() + "\n" + log.sign(t, c, 0))
		for i := range w {
			if set>>i&1 == 1 {
				s.WriteString(w[i].sign(t, c, uint64(i+1)))
			}
		}
		return s.String()
	}
	rule := func(set int) bool {
		bit := func(i int) int { return set >> i & 1 }
		return bit(0)+bit(1)+bit(2) >= 2 && bit(3)+bit(4) >= 1
	}
	for set := range 64 {
		n := note(set)
		v, err := q.Verify([]byte(n))
		if (err == nil) != rule(set) {
			t.Fatalf("%06b: %v", set, err)
		}
		// x5 signed at time 6; its time is no part of the quorum's.
		if v.MaxTime > 5 || slices.ContainsFunc(v.Cosigned, func(c checkpoint.Cosigned) bool { return c.Name == "x5" }) {
			t.Fatalf("%06b: counts a witness that is in no group", set)
		}
		if err != nil {
			continue
		}
		m, err := q.Minimal([]byte(n))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := checkpoint.ParseNote(m)
		if err != nil || len(parsed.Sigs) != 4 {
			t.Fatalf("%06b: %v, %d lines", set, err, len(parsed.Sigs))
		}
		for i := range parsed.Sigs {
			less := checkpoint.Note{Text: parsed.Text, Sigs: slices.Delete(slices.Clone(parsed.Sigs), i, i+1)}
			if _, err := q.Verify(less.Bytes()); err == nil {
				t.Fatalf("%06b: line %d was not needed", set, i)
			}
		}
	}
}

func TestQuorumWithin(t *testing.T) {
	t.Attr("invariant", "E2")
	w := newWorld(t)
	n := []byte(w.signed(t, testCheckpoint(4), 0, 1, 2)) // times 1000, 1001, 1002
	for _, tc := range []struct {
		lo, hi uint64
		want   int
	}{{0, 2000, 3}, {1001, 2000, 2}, {1000, 1001, 2}, {1000, 1002, 3}, {1001, 1001, 1}, {5, 6, 0}} {
		r, err := w.q.Within(n, tc.lo, tc.hi)
		if err != nil {
			t.Fatal(err)
		}
		v, err := w.q.Verify(r)
		if tc.want < 2 {
			wantErr(t, err, checkpoint.ErrQuorum)
			continue
		}
		if err != nil || len(v.Cosigned) != tc.want || v.MinTime < tc.lo || v.MaxTime > tc.hi {
			t.Fatalf("%v: %d cosignatures, %v", tc, len(v.Cosigned), err)
		}
	}
}

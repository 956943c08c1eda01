package checkpoint

import (
	"bytes"
	"fmt"
	"slices"
)

// Verified is a checkpoint that satisfied a policy. Only this package makes
// one.
type Verified struct {
	Checkpoint Checkpoint
	// Log is the log key whose line verified; the first one in the policy's
	// order if there are several.
	Log VKey
	// Cosigned are the cosignatures that count for the quorum, in the order of
	// the policy's witness lines; all that the note holds, which may be more
	// than a minimal quorum. Empty under "quorum none".
	Cosigned []Cosigned
	// MinTime and MaxTime are the smallest and the largest time of Cosigned,
	// in seconds since 1970; 0 if Cosigned is empty.
	MinTime, MaxTime uint64
	// Raw is the note as it was given.
	Raw []byte
}

// Cosigned is one counted cosignature.
type Cosigned struct {
	Name string // the witness's name in the policy
	VKey VKey
	Time uint64 // seconds since 1970, not 0
}

// Verify checks a signed checkpoint against the policy: a valid line of a
// listed log whose name is the checkpoint's origin, and cosignatures that
// satisfy the quorum rule. Lines of unknown keys are ignored. A line of any
// known key that does not verify, and a second line of the same known key,
// make the whole note malformed, whatever else it holds.
//
// Errors are [ErrMalformed], [ErrSignature], [ErrUnsigned] or [ErrQuorum].
func (q *Quorum) Verify(signed []byte) (Verified, error) {
	v, _, err := q.verify(signed)
	return v, err
}

// Minimal is the same note reduced to one line of the log and exactly one
// minimal quorum of cosignatures, in the order log, then witnesses as in the
// policy. Where several minimal quorums are at hand, each group takes its
// first satisfied members. The note is verified first.
func (q *Quorum) Minimal(signed []byte) ([]byte, error) {
	_, m, err := q.verify(signed)
	if err != nil {
		return nil, err
	}
	return m.Bytes(), nil
}

// VerifyExact is [Quorum.Verify] for a note that must be exactly what
// [Quorum.Minimal] prints; anything else is [ErrNotExact].
func (q *Quorum) VerifyExact(signed []byte) (Verified, error) {
	v, m, err := q.verify(signed)
	if err != nil {
		return Verified{}, err
	}
	if !bytes.Equal(m.Bytes(), signed) {
		return Verified{}, ErrNotExact
	}
	return v, nil
}

// Within is the same note without the counted cosignatures whose time is
// before earliest or after latest (seconds since 1970, both included), so that
// one witness with a bad clock harms nobody. It verifies what it reads but not
// that the rest is still a quorum: pass the result to Verify or Minimal.
func (q *Quorum) Within(signed []byte, earliest, latest uint64) ([]byte, error) {
	o, err := q.open(signed)
	if err != nil {
		return nil, err
	}
	n := Note{Text: o.note.Text}
	for i, s := range o.note.Sigs {
		t, known := o.times[i]
		if known && (t < earliest || t > latest) {
			continue
		}
		n.Sigs = append(n.Sigs, s)
	}
	return n.Bytes(), nil
}

// opened is a note whose lines of known keys have all been verified.
type opened struct {
	note      Note
	cp        Checkpoint
	log       int            // index into q.logs of the first valid line, in policy order
	logLine   int            // its line
	witnessed map[int]int    // counted witness → its line
	times     map[int]uint64 // line of a counted witness → its time
}

func (q *Quorum) open(signed []byte) (opened, error) {
	n, err := ParseNote(signed)
	if err != nil {
		return opened{}, err
	}
	cp, err := ParseCheckpoint(n.Text)
	if err != nil {
		return opened{}, err
	}
	// No tree of size 0 has another root: a log that signs one is broken.
	if cp.Size == 0 && cp.Root != EmptyRoot() {
		return opened{}, fmt.Errorf("checkpoint: size 0 with another root than the empty one: %w", ErrMalformed)
	}
	o := opened{note: n, cp: cp, log: -1, witnessed: map[int]int{}, times: map[int]uint64{}}
	// "If the key name and ID match a known key, verifiers MUST verify the
	// signature": those of uncounted witnesses and other logs too.
	for i, v := range q.logKeys {
		line, _, err := o.verifyLine(v)
		if err != nil {
			return opened{}, err
		}
		// "This name MUST correspond to the log's origin line": another log's
		// key does not speak for this origin.
		if line >= 0 && v.key.Name == cp.Origin && o.log < 0 {
			o.log, o.logLine = i, line
		}
	}
	for i, v := range q.witnessKeys {
		line, time, err := o.verifyLine(v)
		if err != nil {
			return opened{}, err
		}
		// Time 0 is an ML-DSA cosigner's way to make no statement about the
		// tree being the largest it saw; a quorum needs that statement.
		if line >= 0 && time != 0 && q.counted[i] {
			o.witnessed[i] = line
			o.times[line] = time
		}
	}
	if o.log < 0 {
		return opened{}, fmt.Errorf("checkpoint of %q: %w", cp.Origin, ErrUnsigned)
	}
	return o, nil
}

// verifyLine finds and verifies the line of a key; it returns -1 if there is
// none.
func (o *opened) verifyLine(v *Verifier) (line int, time uint64, err error) {
	line = -1
	for i, s := range o.note.Sigs {
		if !v.Matches(s) {
			continue
		}
		// Two lines of one key would let a relay choose between two times.
		if line >= 0 {
			return 0, 0, fmt.Errorf("two lines of key %s: %w", v.key.Name, ErrMalformed)
		}
		if time, err = v.Verify(o.cp, s.Sig); err != nil {
			return 0, 0, err
		}
		line = i
	}
	return line, time, nil
}

func (q *Quorum) verify(signed []byte) (Verified, Note, error) {
	o, err := q.open(signed)
	if err != nil {
		return Verified{}, Note{}, err
	}
	chosen, ok := q.satisfy(q.rule, o.witnessed)
	if !ok {
		return Verified{}, Note{}, fmt.Errorf("checkpoint of %q at %d, %d cosignatures: %w", o.cp.Origin, o.cp.Size, len(o.witnessed), ErrQuorum)
	}
	v := Verified{Checkpoint: o.cp, Log: q.logs[o.log].Key, Raw: bytes.Clone(signed)}
	for i, w := range q.witnesses {
		line, ok := o.witnessed[i]
		if !ok {
			continue
		}
		t := o.times[line]
		if len(v.Cosigned) == 0 {
			v.MinTime = t
		}
		v.MinTime, v.MaxTime = min(v.MinTime, t), max(v.MaxTime, t)
		v.Cosigned = append(v.Cosigned, Cosigned{Name: w.Name, VKey: w.Key, Time: t})
	}
	m := Note{Text: o.note.Text, Sigs: []NoteSig{o.note.Sigs[o.logLine]}}
	slices.Sort(chosen)
	for _, i := range chosen {
		m.Sigs = append(m.Sigs, o.note.Sigs[o.witnessed[i]])
	}
	return v, m, nil
}

// satisfy returns one minimal set of witnesses, by index, that makes name
// witnessed: for each group its first k satisfied members. The recursion ends
// because a group only names what was defined before it.
func (q *Quorum) satisfy(name string, have map[int]int) ([]int, bool) {
	if name == None {
		return nil, true
	}
	if i := slices.IndexFunc(q.witnesses, func(w PolicyWitness) bool { return w.Name == name }); i >= 0 {
		_, ok := have[i]
		return []int{i}, ok
	}
	g := q.groups[slices.IndexFunc(q.groups, func(g PolicyGroup) bool { return g.Name == name })]
	var set []int
	k := 0
	for _, m := range g.Members {
		if s, ok := q.satisfy(m, have); ok && k < g.K {
			set = append(set, s...)
			k++
		}
	}
	return set, k == g.K
}

// markCounted marks the witnesses that the rule can reach. A witness that is
// listed but in no group of the quorum is verified, and never counted.
func (q *Quorum) markCounted(name string) {
	for i, w := range q.witnesses {
		if w.Name == name {
			q.counted[i] = true
		}
	}
	for _, g := range q.groups {
		if g.Name == name {
			for _, m := range g.Members {
				q.markCounted(m)
			}
		}
	}
}

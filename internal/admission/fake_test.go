package admission_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

// A fakeLog counts what is appended.
type fakeLog struct {
	mu     sync.Mutex
	leaves []string
	// before is asked ahead of each append; an error with applied true is a
	// failure after which the entry is there all the same.
	before func(leaf []byte) (applied bool, err error)
}

var errDisk = errors.New("disk")

func (l *fakeLog) Append(_ context.Context, leaf []byte) (uint64, error) {
	var applied bool
	var err error
	if l.before != nil {
		applied, err = l.before(leaf)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || applied {
		l.leaves = append(l.leaves, string(leaf))
	}
	return uint64(len(l.leaves)) - 1, err
}

func (l *fakeLog) Size() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.leaves))
}

func (l *fakeLog) times(leaf []byte) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, have := range l.leaves {
		if have == string(leaf) {
			n++
		}
	}
	return n
}

// A fakeIndex is filled by hand.
type fakeIndex struct {
	mu   sync.Mutex
	size uint64
	seen map[log.Hash]admission.Seen
}

func (x *fakeIndex) Lookup(id log.Hash) (admission.Seen, bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s, ok := x.seen[id]
	return s, ok, nil
}

func (x *fakeIndex) Size() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.size
}

// follow indexes what the log holds, as the fold does a little later.
func (x *fakeIndex) follow(t *testing.T, l *fakeLog) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	for ; x.size < uint64(len(l.leaves)); x.size++ {
		s, err := log.Parse([]byte(l.leaves[x.size]))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := x.seen[s.Identity]; !ok {
			x.seen[s.Identity] = admission.Seen{Index: x.size, Validity: log.Valid}
		}
	}
}

// A fakeJudge says yes unless told otherwise.
type fakeJudge struct {
	admit, screen, vote func(s *log.Signed) error
}

func (j *fakeJudge) Admit(leaf []byte) error {
	s, err := log.Parse(leaf)
	if err != nil || j.admit == nil {
		return err
	}
	return j.admit(s)
}

func (j *fakeJudge) Screen(s *log.Signed) error {
	if j.screen == nil {
		return nil
	}
	return j.screen(s)
}

func (j *fakeJudge) VerifyVote(s *log.Signed) error {
	if j.vote == nil {
		return nil
	}
	return j.vote(s)
}

// A rig is an admission over fakes, and a real log's keys to make statements.
type rig struct {
	*admission.Admission
	t     *testing.T
	keys  *foldtest.Log
	log   *fakeLog
	index *fakeIndex
	judge *fakeJudge
	cfg   admission.Config
	deps  admission.Deps
}

// newRig prepares one; start makes it.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		t: t, keys: foldtest.New(t, foldtest.Options{}), log: &fakeLog{}, judge: &fakeJudge{},
		index: &fakeIndex{seen: map[log.Hash]admission.Seen{}},
	}
	r.deps = admission.Deps{
		Log: r.log, Judge: r.judge, Index: r.index, Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Lag:          func() (uint64, time.Duration) { return 0, 0 },
		AnchorPeriod: func() time.Duration { return time.Minute },
	}
	return r
}

func (r *rig) start() *rig {
	r.t.Helper()
	a, err := admission.New(r.cfg, r.deps)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Admission = a
	r.t.Cleanup(a.Close)
	return r
}

func (r *rig) checkin(m int, sequence uint64) []byte {
	st := &log.Checkin{Origin: r.keys.Origin, Run: "run-1", Sequence: sequence}
	return r.keys.Seal(st, r.keys.Members[m].Checkin)
}

// bulk is a statement of the bulk lane.
func (r *rig) bulk(sequence uint64) []byte {
	st := &log.Evaluations{
		Origin: r.keys.Origin, Sequence: sequence, Elements: 1,
		From: log.TimeOf(foldtest.Start), Until: log.TimeOf(foldtest.Start.Add(time.Minute)),
	}
	return r.keys.Seal(st, r.keys.Evaluator)
}

// ringSigner signs with whatever a ring signature of that size might be.
type ringSigner struct {
	group log.Hash
	sig   byte
}

func (s ringSigner) KeyID() string { return log.RingKeyID(s.group) }
func (s ringSigner) Sign([]byte) ([]byte, error) {
	sig := make([]byte, 32*9)
	sig[0] = s.sig
	return sig, nil
}

// vote is a live vote; sig tells good from forged where the judge is a fake.
func (r *rig) vote(run string, nonce, sig byte) []byte {
	st := &log.LiveVote{
		Origin: r.keys.Origin, Run: run, Nonce: make([]byte, 32), Expires: log.TimeOf(foldtest.Start.Add(time.Hour)),
	}
	st.Nonce[0] = nonce
	return r.keys.Seal(st, ringSigner{st.Group, sig})
}

func refusal(t *testing.T, err error, kind error) *admission.Refusal {
	t.Helper()
	r, ok := errors.AsType[*admission.Refusal](err)
	if !ok || !errors.Is(err, kind) {
		t.Fatalf("%v, want %v", err, kind)
	}
	return r
}

var (
	_ admission.Judge = (*admission.LedgerJudge)(nil)
	_ log.Signer      = (*ring.Voter)(nil)
	_ log.Signer      = ringSigner{}
	_ interface {
		Size() uint64
	} = (*projection.Projection)(nil)
)

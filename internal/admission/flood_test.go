package admission_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/internal/tesseralog/memlog"
	"github.com/haltlog/haltlog/log"
)

// A garbled signer signs like another, and then not.
type garbled struct{ log.Signer }

func (g garbled) Sign(m []byte) ([]byte, error) {
	sig, err := g.Signer.Sign(m)
	if err == nil {
		sig[len(sig)-32] ^= 1 // a scalar's low byte: still canonical
	}
	return sig, err
}

// TestRealFlood runs the real parts (ledger, rings of 64, Ed25519, tree,
// projection) under forged rings and forged bulk at full speed from many
// senders: a true vote and check-ins come through, and nothing forged does.
func TestRealFlood(t *testing.T) {
	t.Attr("invariant", "L5")
	keysOf := foldtest.New(t, foldtest.Options{Members: 64})
	keysOf.Setup()
	keysOf.Run("run-1")

	q, err := checkpoint.ParseQuorum([]byte("log " + keysOf.LogKey.VKey().String() + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := memlog.New(memlog.Config{Origin: keysOf.Origin, Signers: []checkpoint.Signer{keysOf.LogKey}, Quorum: func() *checkpoint.Quorum { return q }})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Hold(true); err != nil { // the naive tree is no part of this
		t.Fatal(err)
	}
	kv, err := boltstore.OpenKV(filepath.Join(t.TempDir(), "p"))
	if err != nil {
		t.Fatal(err)
	}
	proj, err := projection.Open(kv, "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, leaf := range keysOf.Leaves {
		if _, err := l.Append(t.Context(), leaf); err != nil {
			t.Fatal(err)
		}
		rec, err := projection.RecordOf(leaf, keysOf.Steps[i].Judged)
		if err != nil {
			t.Fatal(err)
		}
		if err := proj.Apply(uint64(i), rec); err != nil {
			t.Fatal(err)
		}
	}
	verifier := keys.NewVerifier()
	var ledgerLock sync.RWMutex
	a, err := admission.New(admission.Config{}, admission.Deps{
		Log: l, Index: admission.ProjectionIndex{Projection: proj},
		Judge: admission.NewLedgerJudge(ledgerLock.RLocker(), keysOf.Machine.Ledger(), verifier),
		Lag:   func() (uint64, time.Duration) { return 0, 0 }, AnchorPeriod: func() time.Duration { return time.Minute },
		Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	vote := func(wrap func(log.Signer) log.Signer) []byte {
		v := keysOf.VoteStatement("run-1")
		return keysOf.Seal(v, wrap(keysOf.RingSigner(v.Group, keysOf.Members[0])))
	}
	honest := func(s log.Signer) log.Signer { return s }
	forgedVote := vote(func(s log.Signer) log.Signer { return garbled{s} })
	forge := func() []byte {
		// Another identity each time, at the price of an envelope.
		s, err := log.Parse(forgedVote)
		if err != nil {
			t.Error(err)
			return nil
		}
		v := *s.Statement.(*log.LiveVote)
		v.Nonce = make([]byte, 32)
		if _, err := rand.Read(v.Nonce); err != nil {
			t.Error(err)
		}
		leaf, err := log.Seal(&v, fixedSigner{s.Signer(), s.Envelope.Signatures[0].Sig})
		if err != nil {
			t.Error(err)
		}
		return leaf
	}
	bulk, err := log.Seal(&log.Evaluations{
		Origin: keysOf.Origin, Sequence: 1, From: log.TimeOf(foldtest.Start), Until: log.TimeOf(foldtest.Start.Add(time.Second)),
	}, garbled{keysOf.Evaluator})
	if err != nil {
		t.Fatal(err)
	}

	before := l.Size()
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	for i := range 64 {
		flood.Go(func() {
			for ctx.Err() == nil {
				leaf := bulk
				if i%2 == 0 {
					leaf = forge()
				}
				if _, err := a.Submit(ctx, leaf); err == nil {
					t.Error("a forgery was taken")
					return
				}
			}
		})
	}
	deadline, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	began := time.Now()
	for i := range 20 {
		leaf := keysOf.Seal(keysOf.CheckinStatement("run-1", keysOf.Members[i]), keysOf.Members[i].Checkin)
		if _, err := a.Submit(deadline, leaf); err != nil {
			t.Errorf("check-in: %v", err)
		}
	}
	t.Logf("20 check-ins in a row took %v", time.Since(began))
	began = time.Now()
	for leaf, n := vote(honest), 1; ; n++ {
		_, err := a.Submit(deadline, leaf)
		if err == nil {
			t.Logf("the vote took %v and %d attempts", time.Since(began), n)
			break
		}
		if !errors.Is(err, admission.ErrTooFast) {
			t.Fatalf("vote: %v", err)
		}
	}
	stop()
	flood.Wait()
	a.Close()
	if got := l.Size() - before; got != 21 {
		t.Errorf("%d entries came in, want 21", got)
	}
}

// A fixedSigner gives one signature for everything.
type fixedSigner struct {
	id  string
	sig []byte
}

func (s fixedSigner) KeyID() string               { return s.id }
func (s fixedSigner) Sign([]byte) ([]byte, error) { return s.sig, nil }

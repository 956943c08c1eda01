package admission_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/tesseralog"
	"github.com/haltlog/haltlog/log"
)

// TestRealBulk floods the real log, on disk, with valid bulk from 256 senders,
// each signature really verified: check-ins come through beside it.
func TestRealBulk(t *testing.T) {
	t.Attr("invariant", "L5")
	r := newRig(t)
	q, err := checkpoint.ParseQuorum([]byte("log " + r.keys.LogKey.VKey().String() + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tesseralog.New(tesseralog.Config{
		Dir: t.TempDir(), Origin: r.keys.Origin, Signers: []checkpoint.Signer{r.keys.LogKey},
		Quorum: func() *checkpoint.Quorum { return q }, Skew: 2 * time.Second,
	}, tesseralog.Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	verifier := keys.NewVerifier()
	spki := map[string][]byte{r.keys.Evaluator.KeyID(): r.keys.Evaluator.SPKI}
	for _, m := range r.keys.Members {
		spki[m.Checkin.KeyID()] = m.Checkin.SPKI
	}
	r.judge.admit = func(s *log.Signed) error {
		sig := s.Envelope.Signatures[0]
		return verifier.Verify(spki[sig.KeyID], s.Envelope.PAE(), sig.Sig)
	}
	r.deps.Log = l
	r.deps.Lag = func() (uint64, time.Duration) { lag := l.Lag(); return lag.Entries, lag.Behind }
	r.start()
	// Signed beforehand: the senders are other machines.
	leaves := make([][]byte, 12_000)
	for i := range leaves {
		leaves[i] = r.bulk(uint64(i) + 1)
	}
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	var sequence, taken atomic.Uint64
	for range 256 {
		flood.Go(func() {
			for ctx.Err() == nil {
				i := sequence.Add(1)
				if i >= uint64(len(leaves)) {
					return
				}
				_, err := r.Submit(ctx, leaves[i])
				switch {
				case err == nil:
					taken.Add(1)
				case errors.Is(err, admission.ErrTooFast), errors.Is(err, admission.ErrUnavailable), errors.Is(err, context.Canceled):
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	deadline, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for taken.Load() < 1000 { // the flood is there
		if err := l.Wait(deadline, l.Size()); err != nil {
			t.Fatal(err)
		}
	}
	var took []time.Duration
	for i := range uint64(40) {
		began := time.Now()
		if got, err := r.Submit(deadline, r.checkin(int(i%8), i+1)); err != nil || !got.First {
			t.Fatalf("check-in %d: %+v, %v", i, got, err)
		}
		took = append(took, time.Since(began))
	}
	stop()
	flood.Wait()
	slices.Sort(took)
	t.Logf("40 check-ins among %d of bulk: half within %v, the slowest %v", taken.Load(), took[20], took[39])
	if err := l.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

package log_test

import (
	"sync"
	"testing"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// Whatever stands in a log, Apply takes it: it never fails, admission says the
// same as the fold, and nothing is valid twice.
func FuzzLedger(f *testing.F) {
	base := foldtest.New(f, foldtest.Options{Verifier: anything{}})
	foldtest.Golden(base)
	for _, leaf := range base.Leaves {
		f.Add(leaf)
	}
	short := base.Fork(20)
	f.Fuzz(func(t *testing.T, leaf []byte) {
		l := short.For(t).Fork(20)
		admitted := l.Machine.Ledger().Admit(leaf)
		s := l.Append(leaf)
		if s.Err != nil {
			t.Fatal(s.Err)
		}
		if good := s.Validity == log.Valid || s.Validity == log.Pending; good != (admitted == nil) {
			t.Errorf("%s (%s), admitted with %v", s.Validity, s.Reason, admitted)
		}
		if again := l.Append(leaf); again.Validity != log.Void {
			t.Errorf("the second one is %s", again.Validity)
		}
		if got, ok := l.Machine.Ledger().RootAt(l.Size()); !ok || got != l.Root(l.Size()) {
			t.Error("root")
		}
	})
}

// Admission may run side by side.
func TestAdmitSideBySide(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{})
	foldtest.Golden(l)
	f := l.Fork(len(l.Leaves) - 1)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, leaf := range l.Leaves {
				_ = f.Machine.Ledger().Admit(leaf)
			}
		})
	}
	wg.Wait()
	if s := f.Append(l.Leaves[len(l.Leaves)-1]); s.Validity != log.Valid {
		t.Errorf("%s: %s", s.Validity, s.Reason)
	}
}

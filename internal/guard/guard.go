package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/haltlog/haltlog/internal/durable"
)

// Exit codes of a process that runs one guard. Usage errors (2) are the command line's.
const (
	ExitEnded  = 0 // the command ended by itself with 0
	ExitError  = 1 // the guard failed, or was told to stop; nothing may be running, see the outcome
	ExitHalted = 3 // the record ended the run: halt, vote, lease or clock
	ExitFailed = 4 // the command ended by itself, not with 0: a person should look
)

// Outcome is how a guarded run ended.
type Outcome struct {
	Cause    Cause
	Started  bool // the command was seen to run
	Exit     Exit // with CauseEnded
	Evidence Evidence
	Mode     Mode // empty when nothing was brought up
	Strength Strength
	Halt     []byte // the halt or vote that stopped it
	// Undelivered is how many receipts are still spooled; a later guard, or Deliver, hands them on.
	Undelivered int
}

// ExitCode maps an outcome to the process's exit code.
func (o Outcome) ExitCode() int {
	switch o.Cause {
	case CauseEnded:
		if o.Exit == (Exit{}) {
			return ExitEnded
		}
		return ExitFailed
	case CauseHalt, CauseVote, CauseLease, CauseClock:
		if o.Mode != "" && !o.Evidence.Confirmed() {
			return ExitError
		}
		return ExitHalted
	default:
		return ExitError
	}
}

// Guard holds one run. It is used once.
type Guard struct {
	config Config
	deps   Deps
	stop   chan Notice // capacity one: the first notice ends the run, others change nothing
}

// New checks everything that does not need the run to be started. Every problem is reported at once.
func New(c Config, d Deps) (*Guard, error) {
	err := c.complete()
	for _, dep := range []struct {
		name string
		ok   bool
	}{
		{"clock", d.Clock != nil},
		{"lease client", d.Leases != nil},
		{"checker", d.Checker != nil},
		{"signer", d.Signer != nil},
		{"submit", d.Submit != nil},
		{"logger", d.Logger != nil},
		{"artefact with checkpoints", d.Artefact != nil || c.Checkpoints == ""},
	} {
		if !dep.ok {
			err = errors.Join(err, fmt.Errorf("%w: no %s", ErrConfig, dep.name))
		}
	}
	if err != nil {
		return nil, err
	}
	if c.Mode == ModeNamespace && !c.Weak && strength(c.Mode, os.Geteuid()) != StrengthFull {
		return nil, fmt.Errorf("%w: a PID namespace without a uid of its own is weak; say so to accept it", ErrConfig)
	}
	d.Logger = d.Logger.With(slog.String("run", c.Run))
	return &Guard{config: c, deps: d, stop: make(chan Notice, 1)}, nil
}

// Notify hands in a halt or a live vote that arrived by push. It is verified first; nil means that the run is being
// stopped, was already, or will not be started. Safe for concurrent use; the caller bounds how many are verified at once.
func (g *Guard) Notify(ctx context.Context, n Notice) error {
	if err := verify(ctx, g.deps.Checker, n); err != nil {
		return err
	}
	select {
	case g.stop <- n:
	default: // a verified one is already waiting
	}
	return nil
}

func verify(ctx context.Context, c Checker, n Notice) error {
	if len(n.Bytes) == 0 || len(n.Bytes) > maxHaltBytes {
		return fmt.Errorf("%s of %d bytes", n.Kind, len(n.Bytes))
	}
	switch n.Kind {
	case NoticeHalt:
		return c.CheckHalt(ctx, n.Bytes)
	case NoticeVote:
		return c.CheckVote(ctx, n.Bytes)
	default:
		return fmt.Errorf("unknown notice %q", n.Kind)
	}
}

// Run waits for k leases, runs the command under them, and returns when it is over and seen to be so. Cancelling ctx
// is the operator's stop. An error means that the guard itself could not do its work; the outcome then still says what
// is known of the command, and nothing is left running unless Evidence says unconfirmed.
func (g *Guard) Run(ctx context.Context) (Outcome, error) {
	st, err := openStore(g.config.StateDir, g.config.Origin, g.config.Run)
	if err != nil {
		return Outcome{}, err
	}
	s, err := newSession(g, st)
	if err != nil {
		return Outcome{}, errors.Join(err, st.close())
	}
	out, err := s.run(ctx)
	return out, errors.Join(err, st.close())
}

// Deliver hands on what earlier guards of the run left on disk: records are signed, spooled statements submitted,
// until nothing is left or ctx ends. It returns how many statements are left. Only Origin, Run and StateDir of c count.
func Deliver(ctx context.Context, c Config, d Deps) (left int, err error) {
	st, err := openStore(c.StateDir, c.Origin, c.Run)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	sp, err := OpenSpool(spoolDir(c.StateDir))
	if err != nil {
		return 0, err
	}
	err = settle(ctx, st, sp, d.Signer)
	for {
		once := sp.DeliverOnce(ctx, d.Submit)
		left, lenErr := sp.Len()
		if lenErr != nil || left == 0 || ctx.Err() != nil {
			return left, errors.Join(err, once, lenErr)
		}
		select {
		case <-ctx.Done():
		case <-time.After(deliverMinWait):
		}
	}
}

// settle turns every record on disk into a spooled statement. The record goes only once its statement is durable, so a
// crash in between leaves a second receipt of the same observation, never none.
func settle(ctx context.Context, st *store, sp *Spool, signer Signer) error {
	records, err := readRecords(recordDir(st.dir))
	errs := []error{err}
	halts, err := st.halts()
	errs = append(errs, err)
	for _, r := range records {
		var halt []byte
		for _, n := range halts {
			if Cause(n.Kind) == r.record.Cause {
				halt = n.Bytes
			}
		}
		errs = append(errs, func() error {
			number, err := st.number()
			if err != nil {
				return err
			}
			b, err := signer.Actuation(ctx, number, r.record, halt)
			if err != nil {
				return fmt.Errorf("sign receipt: %w", err)
			}
			if err := sp.Put(b); err != nil {
				return err
			}
			return durable.Remove(filepath.Join(recordDir(st.dir), r.name))
		}())
	}
	return errors.Join(errs...)
}

package evaluator

import (
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/log"
)

// Errors of opening.
var (
	// ErrRequest is a request that no engine of the log signed for this holder.
	ErrRequest = errors.New("not asked by an engine of the log")
	// ErrUnfollowed: the log was not followed to a witnessed checkpoint yet.
	ErrUnfollowed = errors.New("the log is not followed to a witnessed checkpoint")
	// ErrNoHalt: no witnessed valid halt of that run stands in the log (EV1).
	ErrNoHalt = errors.New("no witnessed halt of this run")
	// ErrArtefact: not the newest artefact completed before the halt (EV1).
	ErrArtefact = errors.New("not the newest artefact before the halt")
	// ErrWrap: nothing of it is sealed to a share that is held here.
	ErrWrap = errors.New("no wrap that a share held here opens")
)

// openable is what of an artefact may be opened: its place, and what the log holds
// of it. The error is the reason why it may not.
func (w *watch) openable(r api.EscrowRequest) (escrowed, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	l := w.machine.Ledger()
	if !w.verified || l.Genesis() == nil {
		return escrowed{}, ErrUnfollowed
	}
	k, ok := l.Key(r.KeyID)
	if r.Origin != l.Origin() || !ok || k.Role != log.RoleEngine || !k.InForce(l.Index()) {
		return escrowed{}, ErrRequest
	}
	if err := w.verifier.Verify(k.SPKI, r.Message(), r.Signature); err != nil {
		return escrowed{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	run, ok := l.Run(r.Run)
	if !ok || !run.Halted {
		return escrowed{}, fmt.Errorf("%w: %s, at log size %d", ErrNoHalt, r.Run, l.Size())
	}
	a, kept := w.artefacts[r.Run]
	if run.Artefact == nil || run.Artefact.Number != r.Artefact || !kept || a.number != r.Artefact || a.root != run.Artefact.Root {
		return escrowed{}, fmt.Errorf("%w: %d of run %s", ErrArtefact, r.Artefact, r.Run)
	}
	return a, nil
}

package rig

import (
	"context"
	"fmt"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// CheckinLeaf is a member's check-in, fresh by the log's newest anchor.
func (r *Rig) CheckinLeaf(ctx context.Context, run string, member int, sequence uint64) ([]byte, error) {
	anchor, err := r.Anchor(ctx)
	if err != nil {
		return nil, err
	}
	return log.Seal(&log.Checkin{Origin: Origin, Run: run, Sequence: sequence, Anchor: anchor}, r.Members[member].Checkin)
}

// HeartbeatLeaf is a heartbeat of the run's guard, fresh by the log's newest anchor.
func (r *Rig) HeartbeatLeaf(ctx context.Context, run string, sequence uint64) ([]byte, error) {
	guard, err := r.guardOf(run)
	if err != nil {
		return nil, err
	}
	anchor, err := r.Anchor(ctx)
	if err != nil {
		return nil, err
	}
	return log.Seal(&log.Heartbeat{Origin: Origin, Run: &run, Sequence: sequence, Anchor: anchor, Alive: true, BootID: "boot-1"}, guard)
}

// LeaseRequest is what the run's guard asks of an engine.
func (r *Rig) LeaseRequest(ctx context.Context, run string, sequence uint64) ([]byte, error) {
	guard, err := r.guardOf(run)
	if err != nil {
		return nil, err
	}
	anchor, err := r.Anchor(ctx)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 32)
	nonce[0], nonce[1] = byte(sequence), byte(sequence>>8)
	return log.Seal(&log.LeaseRequest{Origin: Origin, Run: run, BootID: "boot-1", Nonce: nonce, Sequence: sequence, Anchor: anchor}, guard)
}

func (r *Rig) guardOf(run string) (*keys.Signer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, ok := r.Guards[run]
	if !ok {
		return nil, fmt.Errorf("rig: run %s was not registered here", run)
	}
	return g, nil
}

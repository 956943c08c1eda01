package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/rig"
)

// beatEvery is the pause between two heartbeats, and two lease requests, of one
// armed run: a third of the default lease, as a guard does it.
const beatEvery = 5 * time.Second

// arm registers runs and does for each what its guard does over the network:
// heartbeats, lease requests and an open stream, until ctx ends. wait returns
// once all of it has stopped.
func (s *stage) arm(ctx context.Context, prefix string, n int) (wait func() error, err error) {
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		if err := s.Run(ctx, id); err != nil {
			return nil, fmt.Errorf("register %s: %w", id, err)
		}
	}
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		wg.Go(func() {
			for _, err := range s.Client.Events(ctx, id, 0) {
				if err != nil {
					return // ctx ended, or the daemon did and beats say so
				}
			}
		})
		wg.Go(func() {
			pause(ctx, beatEvery*time.Duration(i)/time.Duration(n)) // spread out, as guards are
			for sequence := uint64(1); ctx.Err() == nil; sequence++ {
				if err := s.beat(ctx, id, sequence); err != nil && ctx.Err() == nil {
					errs <- fmt.Errorf("%s: %w", id, err)
					return
				}
				pause(ctx, beatEvery)
			}
		})
	}
	return func() error {
		wg.Wait()
		select {
		case err := <-errs:
			return err
		default:
			return nil
		}
	}, nil
}

// beat is a heartbeat and a lease request. An anchor may be too old by the time
// that it is looked at: then with the next one.
func (s *stage) beat(ctx context.Context, id string, sequence uint64) error {
	within, cancel := context.WithTimeout(ctx, 2*beatEvery)
	defer cancel()
	return rig.Until(within, func() (bool, error) {
		leaf, err := s.HeartbeatLeaf(within, id, sequence)
		if err != nil {
			return false, err
		}
		if _, err := s.Client.Submit(within, leaf); err != nil {
			return false, err
		}
		request, err := s.LeaseRequest(within, id, sequence)
		if err != nil {
			return false, err
		}
		_, err = s.Client.Lease(within, request)
		return err == nil, err
	})
}

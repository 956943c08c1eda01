package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// loneRuns is how many lone statements are timed.
const loneRuns = 300

// benchLone times one statement from its sending to the tlog-proof under a
// checkpoint with two of three cosignatures, and beside it, in turns, the same of
// Tessera alone: no HTTP in front, no signatures checked, the same witnesses.
func benchLone(ctx context.Context, b *bench) (err error) {
	s, err := newStage(ctx, b, "lone", rig.Options{}, func(d *policy.Document) { d.Lease.Mode = policy.Enforce })
	if err != nil {
		return err
	}
	defer s.close()
	peer, err := s.tessera()
	if err != nil {
		return err
	}
	q, err := checkpoint.ParseQuorum([]byte(s.Quorum(nil)))
	if err != nil {
		return err
	}
	l := &lone{stage: s, quorum: q}
	measure := func(name string, armed int) error {
		var ours, theirs []time.Duration
		for range b.scale(loneRuns) {
			pause(ctx, settle)
			d, err := l.once(ctx)
			if err != nil {
				return err
			}
			ours = append(ours, d)
			pause(ctx, settle)
			if d, err = peer.once(); err != nil {
				return err
			}
			theirs = append(theirs, d)
		}
		target := &Target{P50: new(20.0)}
		note := "over HTTP and through admission; the proof is verified, outside the time"
		if armed > 0 {
			note += fmt.Sprintf("; %d armed runs beat and renew every %v", armed, beatEvery)
		}
		b.add(name, durations(millis, ours), target, durations(millis, theirs).peer("Tessera alone, same witnesses"), note)
		return s.alive()
	}
	if err := measure("lone statement to checkpoint, idle log", 0); err != nil {
		return err
	}
	within, cancel := context.WithCancel(ctx)
	wait, err := s.arm(within, "armed", 100)
	if err != nil {
		cancel()
		return err
	}
	err = measure("lone statement to checkpoint, 100 armed runs", 100)
	cancel()
	return errors.Join(err, wait())
}

type lone struct {
	*stage
	quorum   *checkpoint.Quorum
	sequence uint64
}

// once submits one statement of the evaluator and waits for its receipt.
func (l *lone) once(ctx context.Context) (time.Duration, error) {
	l.sequence++
	now := log.TimeOf(time.Now())
	leaf, err := log.Seal(&log.Evaluations{Origin: rig.Origin, Sequence: l.sequence, From: now, Until: now}, l.Counts)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	proof, err := l.Client.SubmitWitnessed(ctx, leaf)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	p, err := checkpoint.ParseProof(proof)
	if err != nil {
		return 0, err
	}
	_, err = p.Verify(l.quorum, leaf)
	return took, err
}

// tessera is the peer: a process that appends one entry for each line it is
// given, and answers in microseconds.
type tessera struct {
	in  io.Writer
	out chan string
	p   *process
}

func (s *stage) tessera() (*tessera, error) {
	if err := os.WriteFile(s.file("peer-quorum.txt"), []byte(s.peerQuorum()), 0o644); err != nil {
		return nil, err
	}
	t := &tessera{out: make(chan string, 1)}
	var err error
	t.p, err = start(s.file("tessera.log"), []string{s.b.bin.lone, "-dir", s.file("tessera"), "-key", s.peerKey, "-policy", s.file("peer-quorum.txt")}, nil,
		func(line string) { t.out <- line })
	if err != nil {
		return nil, err
	}
	s.all = append(s.all, t.p)
	t.in = t.p.in
	_, err = t.once() // the first one waits for the log to be set up
	return t, err
}

func (t *tessera) once() (time.Duration, error) {
	if _, err := io.WriteString(t.in, "add\n"); err != nil {
		return 0, err
	}
	select {
	case line := <-t.out:
		n, err := strconv.ParseInt(line, 10, 64)
		return time.Duration(n) * time.Microsecond, err
	case <-t.p.done:
		return 0, fmt.Errorf("tessera ended: %w\n%s", t.p.err, t.p.tail())
	case <-time.After(startTime):
		return 0, errors.New("tessera does not answer")
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/policy"
)

// peerOrigin is the log of the Tessera that is measured beside.
const peerOrigin = "log.example/tessera"

// stage is a log with three witnesses, every one a process of its own.
type stage struct {
	*rig.Rig
	b         *bench
	url       string
	witnesses []string // addresses
	daemon    *process
	all       []*process
	peerKey   string // file with the log key of the peer, which the witnesses know too
	peerVKey  string
}

// newStage makes keys, starts witnesses and daemon, and brings policy and group
// into force. A policy of the bench ends no run for want of check-ins or of
// leases: change says otherwise.
func newStage(ctx context.Context, b *bench, name string, o rig.Options, change func(*policy.Document), settings ...string) (s *stage, err error) {
	dir := filepath.Join(b.work, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	s = &stage{b: b, Rig: &rig.Rig{Guards: map[string]*keys.Signer{}}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.Keys, err = rig.NewKeys(dir, o, nil); err != nil {
		return s, err
	}
	if err := s.makePeerKey(); err != nil {
		return s, err
	}
	var urls []string
	for i := range s.Keys.Witnesses {
		url, err := s.witness(ctx, i)
		if err != nil {
			return s, err
		}
		s.witnesses = append(s.witnesses, url)
		urls = append(urls, fmt.Sprintf("w%d=%s", i, url))
	}
	argv := []string{b.bin.haltlogd, "serve"}
	settings = append(settings, "http.listen="+b.places.listen(0, hostDaemon))
	for _, set := range slices.Concat(s.Settings(), []string{"log.witness_urls=" + strings.Join(urls, ",")}, settings) {
		argv = append(argv, "--set", set)
	}
	if s.daemon, s.url, err = serve(ctx, filepath.Join(dir, "daemon.log"), b.places.in(0, argv)); err != nil {
		return s, err
	}
	s.all = append(s.all, s.daemon)
	if err := s.Attach(s.url); err != nil {
		return s, err
	}
	within, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return s, s.Setup(within, func(d *policy.Document) {
		d.DeadVote.Mode, d.Lease.Mode = policy.Off, policy.Off
		d.Groups.MinSize = int64(len(s.Members))
		if change != nil {
			change(d)
		}
	})
}

func (s *stage) file(name string) string { return filepath.Join(s.Dir, name) }

func (s *stage) makePeerKey() error {
	skey, vkey, err := checkpoint.GenerateKey(checkpoint.TypeEd25519, peerOrigin, nil)
	if err != nil {
		return err
	}
	s.peerKey, s.peerVKey = s.file("peer.key"), vkey
	return os.WriteFile(s.peerKey, []byte(skey), 0o600)
}

// witness starts a haltwitness that knows the log and the peer.
func (s *stage) witness(ctx context.Context, i int) (url string, err error) {
	key, db, made := s.file(fmt.Sprintf("witness-%d.key", i)), s.file(fmt.Sprintf("witness-%d.db", i)), s.file(fmt.Sprintf("made-%d.key", i))
	// The rig's own key takes the empty floor of one made by the program.
	if _, err := command(ctx, s.b.bin.haltwitness, "key", "new", "--type", "ed25519", "--name", "witness.example/made", "--out", made); err != nil {
		return "", err
	}
	if err := os.Rename(made+".floor", key+".floor"); err != nil {
		return "", err
	}
	for _, vkey := range []string{s.Log.VKey().String(), s.peerVKey} {
		if _, err := command(ctx, s.b.bin.haltwitness, "add-log", "--db", db, vkey); err != nil {
			return "", err
		}
	}
	region := s.b.places.witness(i)
	argv := []string{s.b.bin.haltwitness, "serve", "--db", db, "--key", key, "--listen", s.b.places.listen(region, hostWitness)}
	p, url, err := serve(ctx, s.file(fmt.Sprintf("witness-%d.log", i)), s.b.places.in(region, argv))
	if err != nil {
		return "", err
	}
	s.all = append(s.all, p)
	return url, nil
}

// peerQuorum is the peer's tlog-policy: two of the same three witnesses.
func (s *stage) peerQuorum() string {
	return strings.ReplaceAll(s.Quorum(s.witnesses), s.Log.VKey().String(), s.peerVKey)
}

// settle is the pause between two measurements, in which the log becomes idle again.
const settle = 200 * time.Millisecond

// pause waits between measurements.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// close ends every process, the last started first.
func (s *stage) close() {
	for _, p := range slices.Backward(s.all) {
		p.stop()
	}
}

// alive says which process ended although nobody stopped it.
func (s *stage) alive() error {
	var errs []error
	for _, p := range s.all {
		select {
		case <-p.done:
			errs = append(errs, fmt.Errorf("%s ended: %w\n%s", filepath.Base(p.cmd.Path), p.err, p.tail()))
		default:
		}
	}
	return errors.Join(errs...)
}

// forget drops a process that ended as it should.
func (s *stage) forget(p *process) {
	s.all = slices.DeleteFunc(s.all, func(x *process) bool { return x == p })
}

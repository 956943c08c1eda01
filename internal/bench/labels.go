package main

import (
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/labcheck"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

const (
	// labelsListed is how long the list is: halts of the largest models, one after the
	// other, through the log.
	labelsListed = 1_000_000
	// labelsAsked is how many fingerprints a check asks for.
	labelsAsked = 10_000
	// labelsRuns is how often.
	labelsRuns = 5
	// labelsTime bounds the listing of all of them.
	labelsTime = 30 * time.Minute
	// wideQuota is no quota.
	wideQuota = "1048576"
)

// benchLabels checks a model of ten thousand fingerprints against a list of a million
// labels, which real halts brought into a real log: with the one evaluator of a daemon,
// and with two of three that share the key.
func benchLabels(ctx context.Context, b *bench) error {
	for _, shape := range [][2]int{{1, 1}, {2, 3}} {
		if err := labelsWith(ctx, b, shape[0], shape[1]); err != nil {
			return fmt.Errorf("%d of %d: %w", shape[0], shape[1], err)
		}
		runtime.GC()
	}
	return nil
}

func labelsWith(ctx context.Context, b *bench, t, n int) error {
	listed, asked := labelsListed, labelsAsked
	if b.quick {
		listed, asked = listed/50, asked/10
	}
	dir := filepath.Join(b.work, fmt.Sprintf("holders-%d", n))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	var o rig.Options
	holders, err := rig.NewEvaluators(dir, t, n)
	if err != nil {
		return err
	}
	holders.Close() // processes of their own take their addresses
	if n > 1 {
		o.Genesis = holders.Install
	}
	s, err := newStage(ctx, b, fmt.Sprintf("labels-%d", n), o, nil, "blacklist.anonymous_quota="+wideQuota)
	if err != nil {
		return err
	}
	defer s.close()
	to := blacklist.EscrowKeys{HPKE: []*ecdh.PublicKey{s.Escrow.PublicKey()}}
	if n > 1 {
		if err := s.holders(ctx, holders); err != nil {
			return err
		}
		to = blacklist.EscrowKeys{Threshold: [][]byte{holders.Set.Escrow[0]}}
	}
	began := time.Now()
	if err := s.listMany(ctx, to, listed); err != nil {
		return err
	}
	list, err := s.listOf(ctx, uint64(listed))
	if err != nil {
		return err
	}
	b.say("  %d labels of %d halts are listed after %v", listed, (listed+blacklist.MaxArtefactLabels-1)/blacklist.MaxArtefactLabels, time.Since(began).Round(time.Second))
	var times, alone []time.Duration
	var sent, received sample
	sent.unit, received.unit = kilobytes, kilobytes
	for run := range labelsRuns {
		m := manyPrints(asked, run)
		var r labcheck.Result
		began := time.Now()
		out, in, err := carried(func() error {
			c, err := client.New(client.Config{URL: s.url})
			if err != nil {
				return err
			}
			r, err = labcheck.New(nil, c, labcheck.Synced(list), labcheck.Options{Origin: rig.Origin}).Check(ctx, m)
			return err
		})
		took := time.Since(began)
		switch {
		case err != nil:
			return err
		case r.Verdict != blacklist.Clear || r.Asked != asked:
			return fmt.Errorf("verdict %s, %d asked", r.Verdict, r.Asked)
		}
		times = append(times, took)
		sent.all, received.all = append(sent.all, float64(out)/1e3), append(received.all, float64(in)/1e3)
		d, err := evaluatedHere(m, t)
		if err != nil {
			return err
		}
		alone = append(alone, d)
	}
	name := fmt.Sprintf("check %d fingerprints against %d labels, %d of %d", asked, listed, t, n)
	b.add(name, durations(millis, times), nil, durations(millis, alone).peer("the same arithmetic in one process, without servers and network"),
		"blinded, evaluated by processes over loopback, every proof verified, unblinded, and looked up in the lab's own list")
	b.add(name+": sent", sent, nil, nil, "TCP payload, with HTTP")
	b.add(name+": received", received, nil, nil, "TCP payload, with HTTP; the list was there")
	return s.alive()
}

// holders starts the evaluators as processes.
func (s *stage) holders(ctx context.Context, e *rig.Evaluators) error {
	for i, h := range e.Set.Holders {
		at, err := url.Parse(h.Address)
		if err != nil {
			return err
		}
		p, _, err := serve(ctx, s.file(h.Name+".log"), []string{
			s.b.bin.haltlogd, "evaluator", "--log", s.url, "--genesis", s.GenesisHash.Hex(), "--quorum", s.file("quorum.txt"),
			"--key", filepath.Join(e.Dir, h.Name+".pem"), "--shares", filepath.Join(e.Dir, fmt.Sprintf("shares-%d.txt", i+1)),
			"--listen", at.Host, "--anonymous", wideQuota, "--every", "200ms",
		})
		if err != nil {
			return err
		}
		s.all = append(s.all, p)
	}
	return nil
}

// listMany halts runs until so many labels are escrowed and their runs halted.
func (s *stage) listMany(ctx context.Context, to blacklist.EscrowKeys, n int) error {
	var ids []string
	for i := 0; n > 0; i++ {
		id := fmt.Sprintf("many-%d", i)
		if err := s.Run(ctx, id); err != nil {
			return err
		}
		entries := randomLabels(min(n, blacklist.MaxArtefactLabels))
		n -= len(entries)
		root := blacklist.NewArtefact(entries).Root()
		sealed, wraps, err := blacklist.SealTo(to, blacklist.Context{Origin: rig.Origin, Run: id, Number: 1, Root: root}, entries)
		if err != nil {
			return err
		}
		st := &log.Artefact{Origin: rig.Origin, Run: id, Number: 1, KeyVersion: 1, Count: uint64(len(entries)), Root: log.Hash(root), Sealed: sealed}
		for _, w := range wraps {
			st.Wraps = append(st.Wraps, log.Wrap{Suite: w.Suite, KeyID: w.KeyID, Bytes: w.Bytes})
		}
		whole, err := log.Seal(st, s.Guards[id])
		if err != nil {
			return err
		}
		parts, err := log.Split(whole, s.Guards[id])
		if err != nil {
			return err
		}
		for _, leaf := range parts {
			within, cancel := context.WithTimeout(ctx, startTime)
			err := rig.Until(within, func() (bool, error) { // a key has its bound of speed
				_, err := s.Client.Submit(within, leaf)
				return err == nil, err
			})
			cancel()
			if err != nil {
				return err
			}
		}
		ids = append(ids, id)
	}
	// Labels of all that is due go before an epoch of them: votes all at once.
	for _, id := range ids {
		vote, err := s.VoteLeaf(id, 0)
		if err != nil {
			return err
		}
		if err := client.Vote(ctx, []string{s.url}, vote); err != nil {
			return err
		}
	}
	return nil
}

// randomLabels are elements that nobody knows a fingerprint of.
func randomLabels(n int) []blacklist.Entry {
	out := make([]blacklist.Entry, n)
	var wg sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	for c := range cores {
		wg.Go(func() {
			for i := c; i < n; i += cores {
				out[i] = blacklist.Entry{Kind: kindAt(i), Label: blacklist.Label(voprf.GenerateKey().Public().Bytes())}
			}
		})
	}
	wg.Wait()
	return out
}

// listOf synchronises a lab's list until it holds so many labels.
func (s *stage) listOf(ctx context.Context, n uint64) (*listsync.List, error) {
	ctx, cancel := context.WithTimeout(ctx, labelsTime)
	defer cancel()
	dir := s.file("list")
	var list *listsync.List
	err := rig.Until(ctx, func() (bool, error) {
		pause(ctx, settle)
		cfg := listsync.Config{Dir: dir, Genesis: &s.GenesisHash, Now: time.Now}
		if _, err := listsync.Sync(ctx, cfg, []listsync.Source{{Name: "log", Log: client.NewPlain(s.Client)}}); err != nil {
			return false, errors.Join(err, s.alive())
		}
		var err error
		list, err = listsync.Open(dir)
		return err == nil && list.Count == n, err
	})
	return list, err
}

// manyPrints is a model of so many fingerprints: one of its release, the others of
// tensors.
func manyPrints(n, seed int) fingerprint.Model {
	value := func(i int) [32]byte {
		return sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(seed)), uint64(i)))
	}
	m := fingerprint.Model{Manifest: fingerprint.Fingerprint{Kind: fingerprint.Manifest, Value: value(0)}}
	for i := range n - 1 {
		m.Tensors = append(m.Tensors, fingerprint.TensorPrint{
			Fingerprint: fingerprint.Fingerprint{Kind: fingerprint.Tensor, Value: value(i + 1)}, Shape: []uint64{256, 256}, Elements: 1 << 16, Eligible: true,
		})
		m.Parameters += 1 << 16
	}
	return m
}

// carried counts what crosses this process's new connections while f runs.
func carried(f func() error) (sent, received int64, err error) {
	t := http.DefaultTransport.(*http.Transport) // every client copies it
	before := t.DialContext
	defer func() { t.DialContext = before }()
	var out, in atomic.Int64
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := before(ctx, network, address)
		return &countedConn{c, &out, &in}, err
	}
	err = f()
	return out.Load(), in.Load(), err
}

type countedConn struct {
	net.Conn
	out, in *atomic.Int64
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.out.Add(int64(n))
	return n, err
}

// evaluatedHere is the arithmetic alone: blinding, t holders' answers with proofs,
// verification and unblinding.
func evaluatedHere(m fingerprint.Model, t int) (time.Duration, error) {
	inputs := blacklist.Inputs(blacklist.Questions(m))
	sharing, err := voprf.Deal(voprf.GenerateKey(), t, 2*t-1)
	if err != nil {
		return 0, err
	}
	set := voprf.Set{Version: 1, PublicKey: sharing.Commitments[0], T: t, N: 2*t - 1, Commitments: sharing.Commitments}
	pk, err := set.Key()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for batch := range slices.Chunk(inputs, 1024) {
		q, err := voprf.NewQuery(pk, batch)
		if err != nil {
			return 0, err
		}
		answers := map[int][][]byte{}
		for _, s := range sharing.Shares[:t] {
			e := voprf.NewShareEvaluator(s)
			for _, r := range q.Requests() {
				a, err := e.Answer(r)
				if err != nil {
					return 0, err
				}
				answers[s.Index()] = append(answers[s.Index()], a)
			}
		}
		if _, _, err := q.Combine(set, answers); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

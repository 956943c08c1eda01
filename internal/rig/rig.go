package rig

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/app"
	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/internal/witnesshttp"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
	"github.com/haltlog/haltlog/witness"
)

// Rig is a log that runs in this process, with its witnesses, over real HTTP and real files.
type Rig struct {
	*Keys
	Client  *client.Client
	Config  *config.Config
	URLs    []string                // of the witnesses
	Guards  map[string]*keys.Signer // by run
	closers []func()

	mu     sync.Mutex // over Guard and Guards
	policy *policy.Document
	group  log.Hash
	daemon context.CancelFunc
	done   chan error
}

// Start is New, and starts the daemon. set changes the configuration.
func Start(dir string, o Options, set func(*config.Config)) (r *Rig, err error) {
	if r, err = New(dir, o); err != nil {
		return r, err
	}
	if set != nil {
		set(r.Config)
	}
	if err := r.StartDaemon(); err != nil {
		r.Close()
		return r, err
	}
	return r, nil
}

// New makes keys in dir, starts witnesses, and writes down the configuration of a
// daemon that is not started: see StartDaemon, or Settings and Attach for a
// daemon in a process of its own.
func New(dir string, o Options) (r *Rig, err error) {
	r = &Rig{Guards: map[string]*keys.Signer{}}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	var listeners []net.Listener
	for range max(o.Witnesses, 3) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return r, err
		}
		listeners = append(listeners, l)
		r.URLs = append(r.URLs, "http://"+l.Addr().String())
	}
	if r.Keys, err = NewKeys(dir, o, r.URLs); err != nil {
		return r, err
	}
	for i, w := range r.Keys.Witnesses {
		if err := r.witness(i, w, listeners[i]); err != nil {
			return r, err
		}
	}
	r.Config, err = config.Load(nil, func(string) (string, bool) { return "", false }, r.Settings())
	return r, err
}

// Settings are the daemon's settings, SECTION.KEY=VALUE each.
func (r *Rig) Settings() []string {
	file := func(name string) string { return filepath.Join(r.Dir, name) }
	list := []string{
		"log.store=dir:" + file("log"), "log.genesis=" + file("genesis.json"), "log.key=" + file("log.key"),
		"engine.key=" + file("engine-0.pem"), "http.listen=127.0.0.1:0",
		"blacklist.escrow_key=" + file("escrow.pem"),
	}
	if s, err := log.Parse(r.Genesis); err == nil && s.Statement.(*log.Genesis).Evaluators.N > 1 {
		return list // the holders answer by themselves
	}
	return append(list, "blacklist.evaluator_key="+file("evaluator.key"), "blacklist.counts_key="+file("counts.pem"))
}

// Attach speaks to a daemon at an address, which the rig did not start.
func (r *Rig) Attach(url string) (err error) {
	r.Client, err = client.New(client.Config{URL: url})
	return err
}

func (r *Rig) witness(i int, key checkpoint.Signer, l net.Listener) error {
	store, err := boltstore.Open(filepath.Join(r.Dir, fmt.Sprintf("witness-%d.db", i)))
	if err != nil {
		return err
	}
	w, err := witness.New(witness.Config{Signers: []checkpoint.Signer{key}, Logs: []witness.Log{{Origin: Origin, Keys: []checkpoint.VKey{r.Log.VKey()}}}},
		witness.Deps{Store: store, Clock: func() uint64 { return uint64(time.Now().Unix()) }})
	if err != nil {
		return err
	}
	h, err := witnesshttp.New(witnesshttp.Config{}, witnesshttp.Deps{Witness: w, Logger: obs.Discard()})
	if err != nil {
		return err
	}
	s := h.Server()
	go func() { _ = s.Serve(l) }()
	r.closers = append(r.closers, sync.OnceFunc(func() { _ = s.Close(); _ = store.Close() }))
	return nil
}

// StopWitnesses ends all witnesses, so that nothing more is published.
func (r *Rig) StopWitnesses() {
	for _, c := range r.closers {
		c()
	}
}

// StartDaemon opens and runs the daemon on the present configuration.
func (r *Rig) StartDaemon() error {
	ctx, cancel := context.WithCancel(context.Background())
	d, err := app.Open(ctx, r.Config, app.Deps{Logger: obs.Discard(), Now: time.Now})
	if err != nil {
		cancel()
		return err
	}
	r.daemon, r.done = cancel, make(chan error, 1)
	go func() { r.done <- d.Run(ctx) }()
	return r.Attach("http://" + d.Address())
}

// StopDaemon ends the daemon and says how it ended.
func (r *Rig) StopDaemon() error {
	if r.daemon == nil {
		return nil
	}
	r.daemon()
	r.daemon = nil
	return <-r.done
}

// Close ends everything.
func (r *Rig) Close() {
	_ = r.StopDaemon()
	r.StopWitnesses()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// Put seals a statement and submits it.
func (r *Rig) Put(ctx context.Context, st log.Statement, signers ...log.Signer) (uint64, error) {
	leaf, err := log.Seal(st, signers...)
	if err != nil {
		return 0, err
	}
	a, err := r.Client.Submit(ctx, leaf)
	return a.Index, err
}

// Setup brings a policy into force and appoints the group.
func (r *Rig) Setup(ctx context.Context, change func(*policy.Document)) error {
	d := policy.Default(Chain, time.Now().AddDate(1, 0, 0))
	d.Number = 1
	if change != nil {
		change(d)
	}
	r.policy = d
	if _, err := r.Put(ctx, &log.Policy{Origin: Origin, Chain: Chain, Document: d.Encode()}, r.Threshold()...); err != nil {
		return err
	}
	if err := Until(ctx, func() (bool, error) {
		ps, err := r.Client.Policies(ctx, Chain)
		return err == nil && len(ps) == 1 && ps[0].InForce, err
	}); err != nil {
		return fmt.Errorf("policy in force: %w", err)
	}
	g := &log.Group{Origin: Origin, Name: Group, Number: 1, Chain: Chain, Method: log.MethodAppointed}
	for _, m := range r.Members {
		entry, err := m.entry()
		if err != nil {
			return err
		}
		g.Members = append(g.Members, entry)
	}
	payload, err := log.Encode(g)
	if err != nil {
		return err
	}
	r.group = log.GroupHash(payload)
	_, err = r.Put(ctx, g, r.Threshold()...)
	return err
}

// Run registers a run with a guard key of its own, and waits until it is armed.
func (r *Rig) Run(ctx context.Context, id string) error {
	leaf, err := r.RunLeaf(id)
	if err != nil {
		return err
	}
	_, err = r.Client.SubmitFolded(ctx, leaf)
	return err
}

// RunLeaf is a registration. A guard key guards one run: each run gets its own.
func (r *Rig) RunLeaf(id string) ([]byte, error) {
	guard, err := r.signer("guard-" + id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.Guard, r.Guards[id] = guard, guard
	r.mu.Unlock()
	proof, err := log.Prove(guard, Origin, log.RoleGuard, guard.SPKI())
	if err != nil {
		return nil, err
	}
	return log.Seal(&log.Run{
		Origin: Origin, Run: id, Class: Class, Task: "a run of the rig", Chain: Chain, Policy: log.PolicyHash(r.policy.Encode()), Group: r.group,
		Guards: []log.Guard{{Name: "guard", SPKI: guard.SPKI(), Proof: proof}}, MaxLifeMS: time.Hour.Milliseconds(),
	}, r.Registrar)
}

// VoteLeaf is a live vote of a member.
func (r *Rig) VoteLeaf(run string, member int) ([]byte, error) {
	rings := make([][]byte, 0, len(r.Members))
	for _, m := range r.Members {
		p := m.Ring.Public()
		rings = append(rings, p[:])
	}
	signer, err := keys.NewRingSigner(log.RingKeyID(r.group), rings, r.Members[member].Ring)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 32)
	rand.Read(nonce)
	return log.Seal(&log.LiveVote{Origin: Origin, Run: run, Group: r.group, Expires: log.TimeOf(time.Now().Add(time.Hour)), Nonce: nonce}, signer)
}

// Anchor is what a fresh statement names.
func (r *Rig) Anchor(ctx context.Context) (log.AnchorRef, error) {
	a, err := r.Client.Anchor(ctx)
	return log.AnchorRef{Index: a.Index, Root: a.Root}, err
}

// Until polls a condition of another process until it holds or ctx ends. An error
// of the condition counts as not yet; the last one is shown at the end.
func Until(ctx context.Context, ok func() (bool, error)) error {
	var last error
	for {
		done, err := ok()
		if done {
			return nil
		}
		last = err
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", context.Cause(ctx), last)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

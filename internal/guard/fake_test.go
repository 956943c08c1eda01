package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is the ports' other side in memory: engines, verifier, signer and log. Its "signatures" are JSON; what is under
// test is what the guard does with verified contents.
type world struct {
	clock Clock

	mu       sync.Mutex
	silent   map[string]bool // engines that do not answer
	halt     []byte          // what engines answer instead of leases
	duration time.Duration
	alter    func(*Lease, *Checked) // a lying engine
	size     uint64
	down     bool // the log
	taken    []string
	requests []LeaseRequest
}

func newWorld(d time.Duration) *world {
	return &world{clock: SystemClock{}, silent: map[string]bool{}, duration: d, size: 10}
}

func (w *world) with(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

type signedLease struct {
	Lease   Lease
	Checked Checked
}

func (w *world) Request(ctx context.Context, engine string, req LeaseRequest) (Reply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, req)
	if w.silent[engine] {
		return Reply{}, errors.New("no route to engine")
	}
	if w.halt != nil {
		return Reply{Halt: w.halt}, nil
	}
	w.size++
	l := signedLease{
		Lease{
			Origin: req.Origin, Run: req.Run, GuardKey: req.GuardKey, BootID: req.BootID, Nonce: req.Nonce,
			Sequence: req.Sequence, Duration: w.duration, PolicyNumber: 1, DecisionIndex: w.size, DecisionSize: w.size,
			Engine: engine,
		},
		Checked{Size: w.size, Root: Hash{byte(w.size), byte(w.size >> 8)}, Witnessed: w.clock.Wall()},
	}
	if w.alter != nil {
		w.alter(&l.Lease, &l.Checked)
	}
	b, err := json.Marshal(l)
	return Reply{Lease: b}, err
}

func (w *world) CheckLease(_ context.Context, b []byte, _ Seen) (Lease, Checked, error) {
	var l signedLease
	err := json.Unmarshal(b, &l)
	return l.Lease, l.Checked, err
}

func (w *world) CheckHalt(_ context.Context, b []byte) error { return wantPrefix(b, "halt") }
func (w *world) CheckVote(_ context.Context, b []byte) error { return wantPrefix(b, "vote") }

func wantPrefix(b []byte, p string) error {
	if !strings.HasPrefix(string(b), p) {
		return errors.New("bad signature")
	}
	return nil
}

func (w *world) Heartbeat(_ context.Context, n uint64, alive bool, boot string) ([]byte, error) {
	return fmt.Appendf(nil, "heartbeat %d %t %s", n, alive, boot), nil
}

func (w *world) Actuation(_ context.Context, n uint64, r Record, halt []byte) ([]byte, error) {
	return fmt.Appendf(nil, "actuation %d %s %s %s halt=%s", n, r.By, r.Cause, r.Evidence, halt), nil
}

func (w *world) Close(_ context.Context, e Ended) ([]byte, error) {
	return fmt.Appendf(nil, "close %d/%d %s", e.Exit.Code, e.Exit.Signal, e.Evidence), nil
}

func (w *world) Submit(_ context.Context, b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return errors.New("log unreachable")
	}
	if !slices.Contains(w.taken, string(b)) {
		w.taken = append(w.taken, string(b))
	}
	return nil
}

// log is what the log took, without heartbeats.
func (w *world) log() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.taken), func(s string) bool { return strings.HasPrefix(s, "heartbeat") })
}

func (w *world) lastRequest() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.requests) == 0 {
		return 0
	}
	return w.requests[len(w.requests)-1].Sequence
}

func (w *world) beats() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.taken {
		if strings.HasPrefix(s, "heartbeat") && strings.Contains(s, " true ") {
			n++
		}
	}
	return n
}

func (w *world) deps() Deps {
	return Deps{
		Clock: w.clock, Leases: w, Checker: w, Signer: w, Submit: w.Submit,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// guarded is a guard that runs in this process.
type guarded struct {
	*Guard
	running chan Running
	done    chan struct{}
	out     Outcome
	err     error
	cancel  context.CancelFunc
}

func runGuard(t *testing.T, c Config, d Deps) *guarded {
	t.Helper()
	r := &guarded{running: make(chan Running, 1), done: make(chan struct{})}
	d.Started = func(x Running) { r.running <- x }
	g, err := New(c, d)
	if err != nil {
		t.Fatal(err)
	}
	r.Guard = g
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() {
		r.out, r.err = g.Run(ctx)
		close(r.done)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.done
	})
	return r
}

// wait is the outcome; the deadline only ends a broken test.
func (r *guarded) wait(t *testing.T) Outcome {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(60 * time.Second):
		t.Fatal("guard does not end")
	}
	if r.err != nil {
		t.Errorf("guard: %v", r.err)
	}
	return r.out
}

func shortLease(c *Config, d time.Duration) {
	c.MaxDuration, c.Renew, c.RequestTimeout, c.Heartbeat = d, d/5, d, d/5
}

// keeperMain is a guard in a process of its own, to be killed or stopped: state, mode, role, argument, uid of the log.
func keeperMain(args []string) int {
	var c Config
	if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	c.arg0, c.Stderr = args[1], os.Stderr
	w := newWorld(c.MaxDuration)
	d := w.deps()
	d.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	out := json.NewEncoder(os.Stdout)
	d.Started = func(r Running) { r.Fallback = nil; _ = out.Encode(r) }
	w.down = args[2] == "down"
	g, err := New(c, d)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 98
	}
	o, err := g.Run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = out.Encode(o)
	return o.ExitCode()
}

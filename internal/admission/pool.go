package admission

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
)

// A pool holds what waits to be verified, in groups with a bound each, and
// serves it in random order: a random group, and in it a random job. So no
// flood, of one group or of many, puts a later job behind all of it; it only
// lowers its chance of being next.
type pool struct {
	max, perGroup int

	mu     sync.Mutex
	more   *sync.Cond
	groups map[string]*group
	names  []*group // those with jobs, in no order
	total  int
	closed bool

	workers sync.WaitGroup
}

type group struct {
	name string
	at   int // in names
	jobs []*job
}

type job struct {
	ctx    context.Context
	verify func() error
	done   chan error // holds one
}

func newPool(max, perGroup, workers int) *pool {
	p := &pool{max: max, perGroup: perGroup, groups: map[string]*group{}}
	p.more = sync.NewCond(&p.mu)
	for range workers {
		p.workers.Go(p.work)
	}
	return p
}

// do waits for verify to be carried out by a worker, and returns its error.
// full is true if there was no room, and nothing was done.
func (p *pool) do(ctx context.Context, name string, verify func() error) (full bool, err error) {
	j := &job{ctx: ctx, verify: verify, done: make(chan error, 1)}
	if !p.put(name, j) {
		return true, nil
	}
	select {
	case err := <-j.done:
		return false, err
	case <-ctx.Done():
		// A worker drops it when it comes across it.
		return false, ctx.Err()
	}
}

func (p *pool) put(name string, j *job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[name]
	if p.closed || p.total >= p.max || g != nil && len(g.jobs) >= p.perGroup {
		return false
	}
	if g == nil {
		g = &group{name: name, at: len(p.names)}
		p.groups[name] = g
		p.names = append(p.names, g)
	}
	g.jobs = append(g.jobs, j)
	p.total++
	p.more.Signal()
	return true
}

// take waits for a job and removes it; nil when the pool is closed and empty.
func (p *pool) take() *job {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.total == 0 {
		if p.closed {
			return nil
		}
		p.more.Wait()
	}
	g := p.names[rand.IntN(len(p.names))]
	i, last := rand.IntN(len(g.jobs)), len(g.jobs)-1
	j := g.jobs[i]
	g.jobs[i], g.jobs[last] = g.jobs[last], nil
	g.jobs = g.jobs[:last]
	p.total--
	if last == 0 {
		moved := p.names[len(p.names)-1]
		p.names[g.at], moved.at = moved, g.at
		p.names = p.names[:len(p.names)-1]
		delete(p.groups, g.name)
	}
	return j
}

func (p *pool) work() {
	for j := p.take(); j != nil; j = p.take() {
		if err := j.ctx.Err(); err != nil {
			j.done <- err
			continue
		}
		j.done <- j.verify()
		// A worker that always finds a job would keep its processor for 10 ms
		// at a time, whoever waits for it.
		runtime.Gosched()
	}
}

// close lets the workers finish what waits, and end.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.more.Broadcast()
	p.mu.Unlock()
	p.workers.Wait()
}

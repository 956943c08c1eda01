package httpapi

import (
	"math/rand/v2"
	"sync"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/log"
)

// pushed is one event for the readers of a run. Index is that of the entry, or
// none for a halt that is not logged yet.
type pushed struct {
	name    string
	data    []byte // a leaf
	index   uint64
	unknown bool // not logged yet: no index
}

// Hub hands what is said of a run to those who listen: votes and entries when
// they were folded, halts before they are logged. A listener that falls behind is
// cut and comes again; it never holds up the fold.
type Hub struct {
	mu        sync.Mutex
	listeners map[string]map[*listener]bool
	open      int
}

type listener struct {
	events chan pushed // closed when cut
	cut    bool
}

// NewHub has no listeners.
func NewHub() *Hub { return &Hub{listeners: map[string]map[*listener]bool{}} }

// listen adds a listener of a run. If there are too many, one of the run with
// the most is cut, whichever: whoever opens streams to keep guards out mostly cuts
// his own, and a guard that is cut comes again.
func (h *Hub) listen(run string) *listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &listener{events: make(chan pushed, streamBuffer)}
	if h.listeners[run] == nil {
		h.listeners[run] = map[*listener]bool{}
	}
	h.listeners[run][l] = true
	if h.open++; h.open > maxStreams {
		h.crowdOut(l)
	}
	return l
}

// crowdOut cuts one listener other than the newest, and frees its place.
func (h *Hub) crowdOut(newest *listener) {
	var most map[*listener]bool
	for _, ls := range h.listeners {
		if len(ls) > len(most) && (len(ls) > 1 || !ls[newest]) {
			most = ls
		}
	}
	at := rand.IntN(max(1, len(most)-1))
	for l := range most {
		if l == newest {
			continue
		}
		if at == 0 {
			h.drop(most, l)
			return
		}
		at--
	}
}

// drop takes a listener out; its stream ends when it sees the closed channel.
func (h *Hub) drop(ls map[*listener]bool, l *listener) {
	if !l.cut {
		l.cut = true
		close(l.events)
	}
	delete(ls, l)
	h.open--
}

func (h *Hub) leave(run string, l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners[run][l] {
		h.drop(h.listeners[run], l)
	}
	if len(h.listeners[run]) == 0 {
		delete(h.listeners, run)
	}
}

func (h *Hub) send(run string, p pushed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners[run] {
		select {
		case l.events <- p:
		default:
			h.drop(h.listeners[run], l)
		}
	}
}

// Halt pushes an engine's halt before it is logged; it is an engine.Push.
func (h *Hub) Halt(run string, leaf []byte) {
	h.send(run, pushed{name: api.EventHalt, data: leaf, unknown: true})
}

// Vote pushes a live vote whose ring verified, before it is logged; it is
// admission's Voted.
func (h *Hub) Vote(run string, leaf []byte) {
	h.send(run, pushed{name: api.EventVote, data: leaf, unknown: true})
}

// Hear takes an entry and the run that it is about, "" for none: valid votes and
// halts go out as themselves, at once, and every entry of a run as an entry.
func (h *Hub) Hear(e follow.Entry, run string) {
	s := e.Step
	if run == "" {
		return
	}
	if s.Validity == log.Valid {
		switch s.Signed.Kind() {
		case log.KindLiveVote:
			h.send(run, pushed{name: api.EventVote, data: e.Leaf, index: s.Index})
		case log.KindHalt:
			h.send(run, pushed{name: api.EventHalt, data: e.Leaf, index: s.Index})
		}
	}
	h.send(run, pushed{name: api.EventEntry, data: e.Leaf, index: s.Index})
}

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/log"
)

// events streams a run: first what the log holds of it from ?from= on, then what
// comes. A comment each second says that a silent stream lives. A run that is
// halted begins with its halt, so that no guard waits for what it missed.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	run := r.PathValue("run")
	from, err := number(r, "from", 0)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	l := s.deps.Hub.listen(run)
	defer s.deps.Hub.leave(run, l)
	rc := http.NewResponseController(w)
	// A stream has no end that the listener's time-outs could know; each event
	// has, so that who does not read gives his place back.
	extend := func() error { return rc.SetWriteDeadline(time.Now().Add(eventTime)) }
	if err := errors.Join(rc.SetReadDeadline(time.Time{}), extend()); err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if s.deps.Engine != nil {
		if halt, ok := s.deps.Engine.Halt(run); ok {
			write(w, pushed{name: api.EventHalt, data: halt, unknown: true})
		}
	}
	next, err := s.replay(r.Context(), w, run, from, extend)
	if err != nil {
		s.deps.Logger.Info("event stream ended", "run", run, "err", err)
		return
	}
	if rc.Flush() != nil {
		return
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			if extend() != nil {
				return
			}
			if _, err := fmt.Fprint(w, ":\n\n"); err != nil {
				return
			}
		case p, open := <-l.events:
			if !open {
				return // cut; the client comes again from where it was
			}
			if extend() != nil {
				return
			}
			if p.name == api.EventEntry {
				if p.index < next {
					continue // replayed already
				}
				next = p.index + 1
				if p.data, err = s.entryJSON(r.Context(), p.index); err != nil {
					return
				}
			}
			if write(w, p) != nil {
				return
			}
		}
		if rc.Flush() != nil {
			return
		}
	}
}

// replay writes what the projection holds and returns the first index that it did not.
func (s *Server) replay(ctx context.Context, w http.ResponseWriter, run string, from uint64, extend func() error) (uint64, error) {
	q := projection.Query{Run: run, From: from, Limit: pageLimit}
	for {
		page, err := s.deps.Index.Find(q)
		if err != nil {
			return 0, err
		}
		for _, e := range page.Entries {
			data, err := s.entryJSON(ctx, e.Index)
			if err != nil {
				return 0, err
			}
			if err := extend(); err != nil {
				return 0, err
			}
			if err := write(w, pushed{name: api.EventEntry, data: data, index: e.Index}); err != nil {
				return 0, err
			}
			from = e.Index + 1
		}
		if page.Next == "" {
			return max(from, page.Built), nil
		}
		q.Cursor = page.Next
	}
}

func write(w http.ResponseWriter, p pushed) error {
	id := ""
	if !p.unknown {
		id = "id: " + strconv.FormatUint(p.index, 10) + "\n"
	}
	_, err := fmt.Fprintf(w, "%sevent: %s\ndata: %s\n\n", id, p.name, p.data)
	return err
}

func (s *Server) entryJSON(ctx context.Context, index uint64) ([]byte, error) {
	e, err := s.deps.Index.Entry(index)
	if err != nil {
		return nil, err
	}
	full, err := s.entryOf(ctx, e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(full)
}

// member says how a member stands, by the keyid of its check-in key.
func (s *Server) member(w http.ResponseWriter, r *http.Request) {
	var out api.Member
	found := false
	s.deps.Follower.View(func(m *fold.Machine) { out, found = s.memberOf(m, r.PathValue("run"), r.PathValue("member")) })
	if !found {
		s.fail(w, r, ErrNotFound)
		return
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) memberOf(m *fold.Machine, id, keyID string) (api.Member, bool) {
	run, ok := m.Ledger().Run(id)
	if !ok || run.Group.Statement == nil {
		return api.Member{}, false
	}
	for _, x := range run.Group.Statement.Members {
		if log.KeyID(x.Checkin) != keyID {
			continue
		}
		out := api.Member{Run: id, Member: x.Pseudonym, State: s.deps.Runs.State(id)}
		out.Sequence = s.deps.Runs.sequence(id, keyID)
		for _, c := range m.Chains() {
			last, ok := c.Last()
			if !ok {
				continue
			}
			st := c.Status(id, x.Pseudonym, s.deps.Now())
			if !st.Known {
				continue
			}
			out.AsOf, out.NextDue, out.Interval = last.AsOf, st.NextDue, st.Interval.Milliseconds()
			out.Misses, out.Threshold, out.Warning = st.Group, st.Threshold, st.Warn
			break
		}
		return out, true
	}
	return api.Member{}, false
}

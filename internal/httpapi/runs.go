package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/log"
)

// Runs remembers what the log says of each run, for the pages and for `why`.
// Hear must be among the follower's sinks.
type Runs struct {
	mu   sync.Mutex
	runs map[string]*tracked
}

type tracked struct {
	api.Run
	ended     *log.Close
	sequences map[string]uint64 // last valid check-in by keyid
}

// NewRuns knows none.
func NewRuns() *Runs { return &Runs{runs: map[string]*tracked{}} }

// Hear is the follow.Sink.
func (t *Runs) Hear(e follow.Entry) {
	s := e.Step
	if s.Validity != log.Valid || s.Signed == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := s.Index
	switch st := s.Signed.Statement.(type) {
	case *log.Run:
		t.runs[st.Run] = &tracked{sequences: map[string]uint64{}, Run: api.Run{
			Run: st.Run, Class: st.Class, Task: st.Task, Chain: st.Chain, Group: st.Group, Registered: i, State: api.RunRegistered,
		}}
	case *log.Checkin:
		if r := t.runs[st.Run]; r != nil {
			r.sequences[s.Signed.Signer()] = st.Sequence
		}
	case *log.Artefact:
		if r := t.runs[st.Run]; r != nil {
			r.Artefact = &i
		}
	case *log.Decision:
		t.decided(e, st)
	case *log.Halt:
		if r := t.runs[st.Run]; r != nil && s.Halt != nil && s.Halt.First {
			r.State, r.Halt, r.Causes = api.RunHalted, &i, st.Causes
		}
	case *log.Close:
		if r := t.runs[st.Run]; r != nil {
			r.Close, r.ended = &i, st
		}
	case *log.Actuation:
		if r := t.runs[st.Run]; r != nil && st.State == log.ActuationObservedDead && r.ObservedDead == nil {
			r.ObservedDead = &i
		}
	case *log.Fingerprints:
		if r := t.runs[st.Run]; r != nil {
			r.Fingerprints = &i
		}
	}
}

// decided notes which runs a decision armed or closed.
func (t *Runs) decided(e follow.Entry, st *log.Decision) {
	for _, v := range st.Changed {
		if r := t.runs[v.Run]; r != nil && v.State == log.StateClosed && r.State != api.RunHalted {
			r.State = api.RunClosed
		}
	}
	if e.Step.Decision == nil {
		return
	}
	for _, v := range e.Step.Decision.Outcome.Verdicts {
		if r := t.runs[v.Run]; r != nil && r.State == api.RunRegistered {
			r.State = api.RunArmed
		}
	}
}

// State is where a run stands; empty for an unknown one.
func (t *Runs) State(id string) api.RunState {
	r, _ := t.get(id)
	return r.State
}

func (t *Runs) get(id string) (tracked, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.runs[id]
	if !ok {
		return tracked{}, false
	}
	return *r, true
}

func (t *Runs) sequence(id, keyID string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r, ok := t.runs[id]; ok {
		return r.sequences[keyID]
	}
	return 0
}

// list is all runs in the order of their registration.
func (t *Runs) list() []api.Run {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]api.Run, 0, len(t.runs))
	for _, r := range t.runs {
		out = append(out, r.Run)
	}
	slices.SortFunc(out, func(a, b api.Run) int {
		if a.Registered < b.Registered {
			return -1
		}
		return 1
	})
	return out
}

func (s *Server) runs(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.deps.Runs.list())
}

func (s *Server) run(w http.ResponseWriter, r *http.Request) {
	run, ok := s.deps.Runs.get(r.PathValue("run"))
	if !ok {
		s.fail(w, r, ErrNotFound)
		return
	}
	answer(w, http.StatusOK, run.Run)
}

func (s *Server) why(w http.ResponseWriter, r *http.Request) {
	run, ok := s.deps.Runs.get(r.PathValue("run"))
	if !ok {
		s.fail(w, r, ErrNotFound)
		return
	}
	answer(w, http.StatusOK, api.Why{Run: run.Run.Run, Sentence: run.why()})
}

// causeWords says what each tripwire means to a reader of one sentence.
func causeWords(name string) string {
	switch name {
	case "live_vote":
		return "a member of its group voted to halt it"
	case "dead_vote":
		return "its group missed too many check-ins"
	case "lease":
		return "its guard was not heard from for longer than lease and grace"
	case "monitors":
		return "a monitoring system fell silent"
	case "artefact":
		return "no model checkpoint was escrowed in time"
	case "life":
		return "it reached its maximum life"
	case "witness":
		return "no fresh witnessed time reached the log"
	case "engine":
		return "too few engines held a verdict to go on"
	case "expiry":
		return "no valid policy was in force"
	case "semantics":
		return "its policy's semantics are unknown to the engine"
	}
	return "of " + name
}

// why is one sentence: how the run ended, or that it lives.
func (r tracked) why() string {
	switch r.State {
	case api.RunHalted:
		var words []string
		for _, c := range r.Causes {
			at := ""
			if len(c.Evidence) > 0 {
				at = fmt.Sprintf(" (entry %d)", c.Evidence[len(c.Evidence)-1])
			}
			words = append(words, causeWords(c.Tripwire)+at)
		}
		dead := "its end has not been confirmed yet"
		if r.ObservedDead != nil {
			dead = fmt.Sprintf("its process was observed dead (entry %d)", *r.ObservedDead)
		}
		return fmt.Sprintf("Run %s was halted at entry %d because %s; %s.", r.Run.Run, *r.Halt, strings.Join(words, " and "), dead)
	case api.RunClosed:
		return fmt.Sprintf("Run %s ended by itself with exit code %d (entry %d).", r.Run.Run, r.ended.ExitCode, *r.Close)
	case api.RunArmed:
		return fmt.Sprintf("Run %s has not ended: it is armed and held to its policy.", r.Run.Run)
	}
	return fmt.Sprintf("Run %s is registered and not armed yet.", r.Run.Run)
}

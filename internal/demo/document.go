package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Document is everything that one demo saw, in one document.
type Document struct {
	Scenario string    `json:"scenario"`
	Plant    string    `json:"plant,omitempty"`
	OK       bool      `json:"ok"` // everything ended as told; never with a plant
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"` // after the build

	Origin    string            `json:"origin"`
	Genesis   string            `json:"genesis"` // hash to pin, in hex
	Addresses map[string]string `json:"addresses"`
	Binaries  Binaries          `json:"binaries"`
	Folder    string            `json:"folder,omitempty"` // kept only with --stay or after a failure

	Timeline []Event      `json:"timeline"`
	Runs     []RunResult  `json:"runs"`
	Checks   []Check      `json:"checks"`
	Audit    *Audit       `json:"audit"`
	Plants   []PlantFound `json:"plants,omitempty"`
	Problems []string     `json:"problems"` // expectations that did not hold
}

// Event is something that was seen, and when.
type Event struct {
	AtMS int64     `json:"at_ms"` // after the start
	Time time.Time `json:"time"`
	What string    `json:"what"`
	Run  string    `json:"run,omitempty"`
	Text string    `json:"text"`
}

// RunResult is how a run ended.
type RunResult struct {
	Run       string  `json:"run"`
	FirstLoss float64 `json:"first_loss"` // mean of the first checkpoint's steps
	LastLoss  float64 `json:"last_loss"`
	Artefacts uint64  `json:"artefacts"` // checkpoints escrowed before the halt

	Causes       []string `json:"causes"` // of the logged halt
	Halt         uint64   `json:"halt"`   // index
	Fingerprints uint64   `json:"fingerprints"`
	Labels       int      `json:"labels"`
	ObservedDead uint64   `json:"observed_dead"`
	Receipt      Receipt  `json:"receipt"`
	Why          string   `json:"why"`

	// Times in milliseconds after what ended the run was done, as the demo saw
	// them; nil for what did not come.
	AcceptedMS  *int64 `json:"accepted_ms,omitempty"`
	DeadMS      *int64 `json:"dead_ms,omitempty"`
	HaltedMS    *int64 `json:"halted_ms,omitempty"`
	LabelledMS  *int64 `json:"labelled_ms,omitempty"`
	WitnessedMS *int64 `json:"witnessed_ms,omitempty"`
}

// Receipt is what the guard logged of the end.
type Receipt struct {
	State     string `json:"state"`
	Cause     string `json:"cause"`
	Mode      string `json:"mode"`
	ElapsedUS int64  `json:"elapsed_us"` // from the order to the observation
}

// Check is what a lab was told about a model.
type Check struct {
	Run    string `json:"run"`
	Model  string `json:"model"`
	Want   string `json:"want"`
	Got    string `json:"got"`
	Detail string `json:"detail"`
}

// Audit is what the auditor said.
type Audit struct {
	ExitCode int       `json:"exit_code"`
	Size     uint64    `json:"size"`
	Verified uint64    `json:"verified"`
	Findings []Finding `json:"findings"`
}

// Finding is one of the audit's findings, in brief.
type Finding struct {
	Check    string  `json:"check"`
	Severity string  `json:"severity"`
	Index    *uint64 `json:"index,omitempty"`
	Text     string  `json:"text"`
	Count    uint64  `json:"count"`
}

// of are the findings of a severity.
func (a *Audit) of(severity string) []Finding {
	return slices.DeleteFunc(slices.Clone(a.Findings), func(f Finding) bool { return f.Severity != severity })
}

// PlantFound is what the auditor said of a planted fault.
type PlantFound struct {
	Plant string `json:"plant"`
	What  string `json:"what"` // was done
	Want  string `json:"want"` // number of the check that has to find it
	Found bool   `json:"found"`
	// Offline says that a stranger verified the findings' evidence from files alone.
	Offline bool  `json:"offline"`
	Audit   Audit `json:"audit"`
}

// teller writes the document as things happen, and tells them to people.
type teller struct {
	mu    sync.Mutex
	doc   *Document
	out   io.Writer // nil: nobody reads along
	start time.Time
}

// tell notes an event that is seen now.
func (t *teller) tell(run, what, format string, args ...any) {
	t.at(time.Now(), run, what, format, args...)
}

// at notes an event that happened at a time.
func (t *teller) at(at time.Time, run, what, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := Event{AtMS: at.Sub(t.start).Milliseconds(), Time: at.UTC().Round(time.Millisecond), What: what, Run: run, Text: fmt.Sprintf(format, args...)}
	t.doc.Timeline = append(t.doc.Timeline, e)
	t.line(float64(e.AtMS)/1000, what, e.Text)
}

func (t *teller) line(at float64, what, text string) {
	if t.out == nil {
		return
	}
	first, rest, more := strings.Cut(text, "\n")
	fmt.Fprintf(t.out, "%7.2fs  %-10s  %s\n", at, what, first)
	if more {
		for line := range strings.Lines(rest + "\n") {
			fmt.Fprintf(t.out, "%22s%s", "", line)
		}
	}
}

// problem notes an expectation that did not hold (D3).
func (t *teller) problem(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	t.doc.Problems = append(t.doc.Problems, text)
	t.line(time.Since(t.start).Seconds(), "PROBLEM", text)
}

// since is a time after another, for the document.
func since(from, at time.Time) *int64 { return new(at.Sub(from).Milliseconds()) }

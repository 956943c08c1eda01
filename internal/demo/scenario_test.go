package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/audit"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/policy"
)

// TestPolicies holds every scenario's policy against the rules for policies, with
// the periods of the demo's genesis: scenarios differ by what officers may sign.
func TestPolicies(t *testing.T) {
	c := &policy.Config{Skew: 2 * time.Second, AnchorPeriod: time.Second, DecisionPeriod: time.Second}
	for _, s := range scenarios() {
		d := officer.NewDraft(chain, time.Now())
		set := append(basePolicy(), s.policy...)
		set = append(set, "expires=24h")
		if s.monitors > 0 {
			set = append(set, "monitors.mode=enforce", "monitors.dwell_ms=6s", "monitors.keys="+strings.Repeat("ab", 32))
		}
		for _, x := range set {
			if err := d.Set(x, time.Now()); err != nil {
				t.Errorf("%s: %s: %v", s.name, x, err)
			}
		}
		if problems := d.Lint(c); len(problems) > 0 {
			t.Errorf("%s: %v", s.name, problems)
			continue
		}
		doc, err := d.Document()
		if err != nil {
			t.Fatal(err)
		}
		if doc.Lease.DurationMS != lease.Milliseconds() || doc.Lease.GraceMS != grace.Milliseconds() {
			t.Errorf("%s: lease %d and grace %d are not what the demo waits for", s.name, doc.Lease.DurationMS, doc.Lease.GraceMS)
		}
		if s.spared != (s.name == "life" && !doc.Life.Lists) {
			t.Errorf("%s: what the scenario says of the list is not what its policy says", s.name)
		}
	}
}

func TestNames(t *testing.T) {
	if Scenarios()[0] != "vote" {
		t.Errorf("the default is %s", Scenarios()[0])
	}
	if _, err := scenarioOf("no-such"); err == nil || !strings.Contains(err.Error(), "guard-stopped") {
		t.Errorf("got %v, want the names that there are", err)
	}
	for _, c := range []struct {
		plant, scenario string
		ok              bool
	}{{"", "life", true}, {"leaf", "vote", true}, {"all", "vote", true}, {"leaf", "life", false}, {"no-such", "vote", false}} {
		if err := validPlant(c.plant, c.scenario); (err == nil) != c.ok {
			t.Errorf("plant %q on %s: %v", c.plant, c.scenario, err)
		}
	}
	for _, p := range plants() {
		if x, ok := audit.CheckOf(p.want); !ok || x.Severities[0] != audit.SeverityFinding {
			t.Errorf("plant %s wants %s, which finds nothing", p.name, p.want)
		}
	}
}

// TestJudge shows D3: whatever the audit says beyond what is expected is a problem.
func TestJudge(t *testing.T) {
	at := uint64(7)
	finding := func(severity string) Finding {
		return Finding{Check: "A15", Severity: severity, Index: &at, Text: "what it was", Count: 1}
	}
	for _, c := range []struct {
		name    string
		audit   Audit
		outages int
		ok      bool
	}{
		{"clean", Audit{Size: 9, Verified: 9}, 0, true},
		{"notes change nothing", Audit{Size: 9, Verified: 9, Findings: []Finding{finding("note"), finding("note")}}, 0, true},
		{"an outage that has to come", Audit{Size: 9, Verified: 9, Findings: []Finding{finding("outage")}}, 1, true},
		{"an outage that must not", Audit{Size: 9, Verified: 9, Findings: []Finding{finding("outage")}}, 0, false},
		{"two for one", Audit{Size: 9, Verified: 9, Findings: []Finding{finding("outage"), finding("outage")}}, 1, false},
		{"none where one has to come", Audit{Size: 9, Verified: 9}, 1, false},
		{"a finding", Audit{ExitCode: 3, Size: 9, Verified: 9, Findings: []Finding{finding("finding")}}, 0, false},
		{"not judged", Audit{ExitCode: 4, Size: 9, Verified: 9, Findings: []Finding{finding("cannot-judge")}}, 0, false},
		{"not all verified", Audit{Size: 9, Verified: 8}, 0, false},
		{"nothing verified", Audit{}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			w := &world{teller: &teller{doc: &Document{}, out: &out, start: time.Now()}}
			w.judge(c.audit, c.outages)
			if ok := len(w.doc.Problems) == 0; ok != c.ok {
				t.Errorf("problems: %v", w.doc.Problems)
			}
			if c.ok == strings.Contains(out.String(), "PROBLEM") {
				t.Errorf("printed %s", out.String())
			}
		})
	}
}

// TestConclude shows that nothing red is printed as if it had ended well.
func TestConclude(t *testing.T) {
	for _, c := range []struct {
		doc        Document
		want, deny string
	}{
		{Document{Scenario: "vote", OK: true, Runs: []RunResult{{Run: "run-1", DeadMS: new(int64(41))}}}, "everything ended as told", "RED"},
		{Document{Scenario: "vote", Problems: []string{"it did not"}}, "RED", "as told"},
		{Document{Scenario: "vote", Plants: []PlantFound{{Plant: "leaf"}}}, "RED, as a planted fault has to end", "everything"},
	} {
		var out bytes.Buffer
		if err := Conclude(&out, &c.doc); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.want) || strings.Contains(out.String(), c.deny) {
			t.Errorf("printed %s", out.String())
		}
	}
}

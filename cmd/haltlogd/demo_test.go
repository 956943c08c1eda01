package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/demo"
)

// shown is one demo by the real binary.
type shown struct {
	*demo.Document
	code           int
	stdout, stderr []byte
}

// show runs `haltlogd demo --json`. What it leaves behind shows in the test's log.
func show(t *testing.T, bin string, args ...string) shown {
	t.Helper()
	dir := passable(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "haltlogd"), append([]string{"demo", "--json"}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	s := shown{Document: new(demo.Document)}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		s.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	s.stdout, s.stderr = out.Bytes(), trouble.Bytes()
	if err := json.Unmarshal(s.stdout, s.Document); err != nil {
		t.Fatalf("no document: %v\n%s\n%s", err, s.stdout, s.stderr)
	}
	if s.Folder != "" {
		t.Logf("%s", s.stdout)
		logs(t, s.Folder)
	} else if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind, %v", left, err)
	}
	return s
}

// passable is a folder that the trained program, which has another uid, may pass
// through; the test's own is locked.
func passable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "haltlog-demo-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// logs prints the end of every process's log.
func logs(t *testing.T, folder string) {
	paths, err := filepath.Glob(filepath.Join(folder, "logs", "*.log"))
	if err != nil {
		t.Error(err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Error(err)
		}
		t.Logf("== %s\n%s", filepath.Base(p), b[max(0, len(b)-2000):])
	}
}

func findings(a *demo.Audit, severity string) (checks []string) {
	for _, f := range a.Findings {
		if f.Severity == severity {
			checks = append(checks, f.Check)
		}
	}
	return checks
}

// TestDemo shows every scenario and every planted fault by the real binaries, as
// separate processes, as whoever reads the README would.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes for each scenario")
	}
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", "../haltlogd", "../haltlog", "../haltwitness")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Run("all", func(t *testing.T) { testScenarios(t, bin) })
}

// scenario is what the document of a scenario has to say.
type scenario struct {
	name       string
	causes     []string
	outages    int
	clear      bool // the policy does not list for it
	runs       int
	receipts   []string // causes of the guard's own receipts, of each run
	invariants []string
}

func testScenarios(t *testing.T, bin string) {
	all := []scenario{
		{name: "vote", causes: []string{"live_vote"}, receipts: []string{"livevote halt"}, invariants: []string{"G2", "G4", "E5", "E6"}},
		{name: "daemon-killed", causes: []string{"lease"}, outages: 1, receipts: []string{"lease"}, invariants: []string{"G1", "E3", "L6"}},
		{name: "partition", causes: []string{"lease"}, receipts: []string{"lease"}, invariants: []string{"G1"}},
		{name: "dead-vote", causes: []string{"dead_vote"}, receipts: []string{"halt"}, invariants: []string{"G2"}},
		{name: "policy-expired", causes: []string{"expiry"}, receipts: []string{"halt"}, invariants: []string{"E4"}},
		{name: "monitor-silent", causes: []string{"monitors"}, receipts: []string{"halt"}, invariants: []string{"E8"}},
		{name: "life", causes: []string{"life"}, clear: true, receipts: []string{"halt"}, invariants: []string{"E8"}},
		{name: "guard-killed", causes: []string{"lease"}, receipts: []string{"keeper-died"}, invariants: []string{"G4", "G5"}},
		{name: "guard-stopped", causes: []string{"lease"}, runs: 2, receipts: []string{"keeper-silent lease", "reaper-silent"}, invariants: []string{"G5"}},
		{name: "hostile-child", causes: []string{"live_vote"}, receipts: []string{"livevote halt"}, invariants: []string{"G4", "G5"}},
	}
	names := []string{}
	for _, s := range all {
		names = append(names, s.name)
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // they wait for their policies' intervals most of the time
			for _, x := range s.invariants {
				t.Attr("invariant", x)
			}
			s.hold(t, show(t, bin, "--scenario="+s.name))
		})
	}
	if !slices.Equal(names, demo.Scenarios()) {
		t.Errorf("tested are %v, there are %v", names, demo.Scenarios())
	}
	t.Run("plants", func(t *testing.T) {
		t.Parallel()
		for _, x := range []string{"L2", "L3", "W3", "E1", "E2", "E6"} {
			t.Attr("invariant", x)
		}
		testPlants(t, bin)
	})
	t.Run("stay", func(t *testing.T) {
		t.Parallel()
		testStay(t, bin)
	})
}

// hold holds a document against what is told of its scenario.
func (s scenario) hold(t *testing.T, d shown) {
	if d.code != 0 || !d.OK || len(d.Problems) > 0 || d.Scenario != s.name {
		t.Fatalf("exit code %d, problems %q\n%s", d.code, d.Problems, d.stderr)
	}
	if len(d.Runs) != max(1, s.runs) {
		t.Fatalf("%d runs", len(d.Runs))
	}
	for i, r := range d.Runs {
		if !slices.Equal(r.Causes, s.causes) || r.DeadMS == nil || r.HaltedMS == nil || r.LabelledMS == nil || r.WitnessedMS == nil {
			t.Errorf("%s ended as %+v", r.Run, r)
		}
		if r.Receipt.State != "observed-dead" || !slices.Contains(strings.Fields(s.receipts[i]), r.Receipt.Cause) || (os.Geteuid() == 0 && r.Receipt.Mode == "none") {
			t.Errorf("%s has the receipt %+v, want one for %s", r.Run, r.Receipt, s.receipts[i])
		}
		if r.LastLoss >= r.FirstLoss || r.Artefacts == 0 || (r.Labels == 0) != s.clear {
			t.Errorf("%s trained and was listed as %+v", r.Run, r)
		}
		if s.name == "vote" && (r.AcceptedMS == nil || r.Why == "") {
			t.Errorf("the vote came to %+v", r)
		}
	}
	want := []string{"listed", "clear", "lead", "likely copy"}
	if s.clear {
		want = []string{"clear", "clear", "clear", "clear"}
	}
	want = slices.Repeat(want, len(d.Runs))
	if s.name == "vote" {
		want = append(want, "clear") // the lab's own model, against its own list
	}
	if len(d.Checks) != len(want) {
		t.Fatalf("%d checks", len(d.Checks))
	}
	for i, c := range d.Checks {
		if c.Got != want[i] {
			t.Errorf("check of %s: %s", c.Model, c.Got)
		}
	}
	a := d.Audit
	if a == nil || a.ExitCode != 0 || a.Size == 0 || a.Verified != a.Size || len(findings(a, "finding"))+len(findings(a, "cannot-judge")) > 0 || len(findings(a, "outage")) != s.outages {
		t.Errorf("the audit says %+v", a)
	}
	if !slices.IsSortedFunc(d.Timeline, func(x, y demo.Event) int { return int(x.AtMS - y.AtMS) }) {
		t.Error("the timeline goes back in time")
	}
}

// testPlants lets every fault be planted, and found by the check that is there for it.
func testPlants(t *testing.T, bin string) {
	d := show(t, bin, "--plant=all")
	if d.code != cli.No || d.OK || len(d.Problems) > 0 || !bytes.Contains(d.stderr, []byte("found what was planted")) {
		t.Fatalf("exit code %d, problems %q\n%s", d.code, d.Problems, d.stderr)
	}
	want := map[string]string{"leaf": "A02", "witness": "A04", "relabel": "A20", "skip": "A11", "clock": "A14"}
	var names []string
	for _, p := range d.Plants {
		names = append(names, p.Plant)
		if got := findings(&p.Audit, "finding"); !slices.Equal(got, []string{want[p.Plant]}) || p.Audit.ExitCode != 3 || !p.Found || !p.Offline {
			t.Errorf("plant %s: the audit says %+v", p.Plant, p.Audit)
		}
	}
	if !slices.Equal(names, demo.Plants()) {
		t.Errorf("planted were %v", names)
	}
}

// testStay visits a demo that stays, and sends it home.
func testStay(t *testing.T, bin string) {
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "haltlogd"), "demo", "--json", "--stay")
	dir := passable(t)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	var out bytes.Buffer
	cmd.Stdout = &out
	told, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url := ""
	for lines := bufio.NewScanner(told); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) == 2 && f[0] == "daemon" {
			url = f[1]
		}
		if len(f) == 2 && f[0] == "lab" {
			asLab(t, f[1])
		}
		if len(f) != 2 || f[0] != "folder" {
			continue
		}
		c, err := client.New(client.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		run, err := c.Run(t.Context(), "run-1")
		if err != nil || run.State != api.RunHalted || run.ObservedDead == nil {
			t.Errorf("the visitor sees %+v, %v", run, err)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it went home with %v", err)
	}
	var d demo.Document
	if err := json.Unmarshal(out.Bytes(), &d); err != nil || !d.OK || d.Addresses["daemon"] != url || url == "" {
		t.Errorf("the document says %+v, %v", d, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v behind, %v", left, err)
	}
}

// TestDemoUsage refuses what there is not, before anything is started.
func TestDemoUsage(t *testing.T) {
	for _, args := range [][]string{{"demo", "--scenario=no-such"}, {"demo", "--plant=no-such"}, {"demo", "--scenario=life", "--plant=leaf"}} {
		var out, trouble bytes.Buffer
		if code := run(t.Context(), args, &out, &trouble); code != cli.Usage || out.Len() > 0 {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out.String(), trouble.String())
		}
	}
}

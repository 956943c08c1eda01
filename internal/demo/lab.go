package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// labWay is what a lab does with a list of its own: it keeps it from a mirror,
// checks against it, proves to others that its model is not on it, and a stranger
// verifies that, once with haltlog and once with a program that shares no code
// with it.
func (r *run) labWay(ctx context.Context) error {
	w := r.w
	mirror, err := w.startMirror(ctx)
	if err != nil {
		return err
	}
	list, mine := filepath.Join(w.dir, "lab", "list"), filepath.Join(w.dir, "lab", r.id+"-other")
	document := filepath.Join(w.dir, "lab", "clearance.json")
	if err := until(ctx, "the mirror has the list of "+r.id, stepWait, func() (bool, error) {
		got, err := toolInto[struct {
			Number uint64 `json:"number"`
			Labels uint64 `json:"labels"`
		}](ctx, w, "sync", "--from="+mirror, "--dir="+list, "--genesis="+w.genesis, "--quorum="+w.file("quorum"))
		return err == nil && got.Number > 0, err
	}); err != nil {
		return err
	}
	w.tell(r.id, "sync", "a lab's list is synchronised from the mirror at %s, and verified down to the pinned genesis", mirror)
	if err := w.checkListed(ctx, r.id, mine, list); err != nil {
		return err
	}
	halted := filepath.Join(w.dir, "lab", r.id+"-renamed")
	if _, code, err := w.ask(ctx, "clear", halted, "--list="+list, "--log="+w.url, "--out="+filepath.Join(w.dir, "lab", "never.json")); err != nil {
		return err
	} else if code != 3 {
		w.problem("a clearance of the halted model ends with exit code %d, not 3", code)
	}
	if _, err := w.tool(ctx, "clear", mine, "--list="+list, "--log="+w.url, "--out="+document); err != nil {
		return err
	}
	info, err := os.Stat(document)
	if err != nil {
		return err
	}
	w.tell(r.id, "clear", "the lab proves that its own model is not on the list, without showing it (%d KB); for the halted one there is no proof", info.Size()/1000)
	if _, err := w.tool(ctx, "verify", document, "--list="+list, "--genesis="+w.genesis, "--quorum="+w.file("quorum")); err != nil {
		return err
	}
	w.tell(r.id, "verify", "a stranger verifies the clearance offline, from the pinned genesis on")
	return w.second(ctx, r.id, document, list)
}

// startMirror starts a mirror of the log, and returns its address.
func (w *world) startMirror(ctx context.Context) (string, error) {
	_, address, err := w.server(ctx, "mirror", []string{
		w.bin.Haltlog, "mirror", "--log=" + w.url, "--dir=" + filepath.Join(w.dir, "data", "mirror"), "--listen=127.0.0.1:0", "--every=200ms",
		"--genesis=" + w.genesis, "--quorum=" + w.file("quorum"),
	})
	if err != nil {
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doc.Addresses["mirror"] = "http://" + address
	return "http://" + address, nil
}

// checkListed asks about the lab's own model against its own list.
func (w *world) checkListed(ctx context.Context, run, path, list string) error {
	out, code, err := w.ask(ctx, append([]string{"check", path, "--list=" + list}, w.trust()...)...)
	if err != nil {
		return err
	}
	var answers []struct {
		Verdict string `json:"verdict"`
	}
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != 1 {
		return fmt.Errorf("haltlog check: exit code %d%s", code, w.said())
	}
	c := Check{Run: run, Model: "the lab's own model, against the lab's own list", Want: "clear", Got: answers[0].Verdict, Detail: "only the evaluators were asked"}
	w.mu.Lock()
	w.doc.Checks = append(w.doc.Checks, c)
	w.mu.Unlock()
	w.tell(run, "check", "%s: %s (%s)", c.Model, c.Got, c.Detail)
	if c.Got != c.Want || code != 0 {
		w.problem("check against the lab's own list says %s with exit code %d, not %s", c.Got, code, c.Want)
	}
	return nil
}

// second lets the verifier in another language judge, where Node and a checkout are.
func (w *world) second(ctx context.Context, run, document, list string) error {
	root, err := checkout()
	if err != nil || !w.bin.Built {
		w.tell(run, "second", "the second verifier is not run: this is no checkout")
		return nil
	}
	folder := filepath.Join(root, "tools", "verifier")
	node, err := exec.LookPath("node")
	if err != nil {
		w.tell(run, "second", "the second verifier is not run: there is no Node here")
		return nil
	}
	main := filepath.Join(folder, "dist", "main.js")
	if _, err := os.Stat(main); err != nil {
		w.tell(run, "second", "the second verifier is not run: build it with (cd tools/verifier && npm ci --ignore-scripts && npm run build)")
		return nil
	}
	c := exec.CommandContext(ctx, node, main, document, "--list", list, "--genesis", w.genesis)
	out, err := c.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		return err
	}
	first, _, _ := strings.Cut(string(out), "\n")
	w.tell(run, "second", "a second verifier in TypeScript, which shares no code: %s", first)
	if err != nil {
		w.problem("the second verifier: %v: %s", err, first)
	}
	return nil
}

package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

// Names of what the demo registers.
const (
	origin    = "log.example/demo"
	chain     = "main"
	class     = "standard"
	groupName = "council"
)

// childUID is the uid of the trained program where the guard is root: nobody's.
const childUID = 65534

// world is one log with everybody around it.
type world struct {
	*teller
	fleet *fleet
	dir   string
	bin   Binaries
	host  string // address that the daemon listens on

	commands atomic.Int64
	genesis  string // hash, in hex
	url      string // of the daemon
	client   *client.Client
	daemon   *Process
	witness  []*witnessProc
	monitors []*monitorProc
	group    string // hash, in hex
	document string // file of the newest policy document
	grants   []string
	set      log.EvaluatorSet
	holders  []*holder
	logVKey  string
	views    map[string]string // witness's name in the quorum file → its address
	scenario scenario
	net      *network // of the guard, nil if it has none of its own
}

// witnessProc is a witness with what it takes to start it again.
type witnessProc struct {
	name, vkey, listen string
	args               []string
	proc               *Process
}

// monitorProc is one of the redundant monitors.
type monitorProc struct {
	key, keyID string
	proc       *Process
}

func (w *world) key(name string) string  { return filepath.Join(w.dir, "keys", name) }
func (w *world) file(name string) string { return filepath.Join(w.dir, "files", name) }

// tool runs haltlog, and returns its JSON.
func (w *world) tool(ctx context.Context, args ...string) ([]byte, error) {
	out, code, err := w.ask(ctx, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d", code)
	}
	if err != nil {
		return out, fmt.Errorf("haltlog %s: %w%s", strings.Join(args[:min(2, len(args))], " "), err, w.said())
	}
	return out, nil
}

// said is what the last command wrote to its log.
func (w *world) said() string {
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	for i := len(w.fleet.all) - 1; i >= 0; i-- {
		if p := w.fleet.all[i]; strings.HasPrefix(p.Name, "cmd-") {
			return "\n" + strings.TrimSpace(tail(p.Path))
		}
	}
	return ""
}

// ask runs haltlog, and returns its JSON and exit code.
func (w *world) ask(ctx context.Context, args ...string) ([]byte, int, error) {
	name := fmt.Sprintf("cmd-%03d-%s", w.commands.Add(1), args[0])
	return w.fleet.command(ctx, name, append([]string{w.bin.Haltlog, "--output=json"}, args...))
}

// toolInto decodes the JSON of haltlog.
func toolInto[T any](ctx context.Context, w *world, args ...string) (T, error) {
	var v T
	out, err := w.tool(ctx, args...)
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	return v, err
}

// folders makes the demo's own folder. The trained program passes through it, so
// that it lets everybody through; keys are behind a door of their own.
func (w *world) folders() error {
	if err := os.Chmod(w.dir, 0o755); err != nil {
		return err
	}
	for up := filepath.Dir(w.dir); os.Geteuid() == 0; up = filepath.Dir(up) {
		info, err := os.Stat(up)
		if err != nil {
			return err
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("%s lets nobody else through, and the trained program runs as uid %d: set TMPDIR to a folder that everybody may pass", up, childUID)
		}
		if up == filepath.Dir(up) {
			break
		}
	}
	for name, mode := range map[string]os.FileMode{"bin": 0o755, "keys": 0o700, "files": 0o755, "logs": 0o755, "lab": 0o755, "data": 0o700} {
		if err := os.Mkdir(filepath.Join(w.dir, name), mode); err != nil {
			return err
		}
	}
	return nil
}

// makeKeys makes every key but the members', and its holder's proof.
func (w *world) makeKeys(ctx context.Context, monitors int) error {
	type owner struct{ name, role, kind string }
	var list []owner
	for i := range officers {
		list = append(list, owner{fmt.Sprintf("officer-%d", i+1), "officer", "ed25519"})
	}
	list = append(list, owner{"registrar", "registrar", "ed25519"}, owner{"engine", "engine", "ed25519"})
	for i := range holders {
		list = append(list, owner{fmt.Sprintf("evaluator-%d", i+1), "evaluator", "ed25519"})
	}
	for i := range monitors {
		list = append(list, owner{fmt.Sprintf("monitor-%d", i+1), "monitor", "ed25519"})
	}
	for _, h := range list {
		k, err := toolInto[struct {
			KeyID string `json:"keyid"`
		}](ctx, w, "key", "new", h.kind, w.key(h.name))
		if err != nil {
			return err
		}
		switch h.role {
		case "monitor":
			w.monitors = append(w.monitors, &monitorProc{key: w.key(h.name), keyID: k.KeyID})
		case "evaluator":
			w.holders = append(w.holders, &holder{name: h.name, keyID: k.KeyID})
		}
		grant := w.file(h.name + ".grant")
		if _, err := w.tool(ctx, "key", "prove", w.key(h.name), "--origin="+origin, "--role="+h.role, "--name="+h.name, "--out="+grant); err != nil {
			return err
		}
		w.grants = append(w.grants, grant)
	}
	k, err := toolInto[struct {
		VKey string `json:"vkey"`
	}](ctx, w, "key", "new", "log", w.key("log"), "--name="+origin)
	if err != nil {
		return err
	}
	w.logVKey = k.VKey
	return nil
}

// enrol lets every member make keys and an enrolment.
func (w *world) enrol(ctx context.Context) error {
	errs := make([]error, members)
	var wg sync.WaitGroup
	for i := range members {
		wg.Go(func() {
			dir := w.key(memberName(i))
			if errs[i] = os.Mkdir(dir, 0o700); errs[i] != nil {
				return
			}
			_, errs[i] = w.tool(ctx, "member", "keygen", "--origin="+origin, "--group="+groupName, "--pseudonym="+memberName(i), "--dir="+dir)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func memberName(i int) string { return fmt.Sprintf("member-%d", i+1) }

// startWitnesses makes and starts the witnesses; the last one cosigns with
// ML-DSA-44.
func (w *world) startWitnesses(ctx context.Context) error {
	w.views = map[string]string{}
	for i := range witnesses {
		name := fmt.Sprintf("w%d", i+1)
		key, db := w.key("witness-"+name), filepath.Join(w.dir, "data", "witness-"+name+".db")
		kind := "ed25519"
		if i == witnesses-1 {
			kind = "ml-dsa-44"
		}
		out, err := w.haltwitness(ctx, "key", "new", "--name=witness.example/"+name, "--out="+key, "--type="+kind)
		if err != nil {
			return err
		}
		if _, err := w.haltwitness(ctx, "add-log", "--db="+db, w.logVKey); err != nil {
			return err
		}
		p := &witnessProc{name: name, vkey: strings.TrimSpace(out), listen: "127.0.0.1:0", args: []string{"--db=" + db, "--key=" + key}}
		w.witness = append(w.witness, p)
		if err := w.startWitness(ctx, p); err != nil {
			return err
		}
		w.views[name] = "http://" + p.listen
		w.doc.Addresses["witness "+name] = "http://" + p.listen
	}
	var b strings.Builder
	fmt.Fprintf(&b, "log %s\n", w.logVKey)
	var names []string
	for _, p := range w.witness {
		fmt.Fprintf(&b, "witness %s %s http://%s\n", p.name, p.vkey, p.listen)
		names = append(names, p.name)
	}
	fmt.Fprintf(&b, "group quorum-of-witnesses 2 %s\nquorum quorum-of-witnesses\n", strings.Join(names, " "))
	return os.WriteFile(w.file("quorum"), []byte(b.String()), 0o644)
}

func (w *world) haltwitness(ctx context.Context, args ...string) (string, error) {
	name := fmt.Sprintf("cmd-%03d-witness", w.commands.Add(1))
	out, code, err := w.fleet.command(ctx, name, append([]string{w.bin.Haltwitness}, args...))
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d", code)
	}
	if err != nil {
		return "", fmt.Errorf("haltwitness %s: %w%s", args[0], err, w.said())
	}
	return string(out), nil
}

// startWitness starts a witness; its first start takes a port of the kernel's
// choice, later ones the same.
func (w *world) startWitness(ctx context.Context, p *witnessProc) (err error) {
	argv := append([]string{w.bin.Haltwitness, "serve", "--listen=" + p.listen}, p.args...)
	p.proc, p.listen, err = w.server(ctx, "witness-"+p.name, argv)
	return err
}

// server starts a process that says where it listens.
func (w *world) server(ctx context.Context, name string, argv []string) (*Process, string, error) {
	address := make(chan string, 1)
	p, err := w.fleet.start(name, argv, func(line string) {
		if a, ok := strings.CutPrefix(line, "listening http://"); ok {
			select {
			case address <- a:
			default:
			}
		}
	})
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startWait, fmt.Errorf("not ready within %v", startWait))
	defer cancel()
	select {
	case a := <-address:
		return p, a, nil
	case <-p.done:
		err = fmt.Errorf("ended with %s", p.state)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return nil, "", fmt.Errorf("start %s: %w\n%s", name, err, tail(p.Path))
}

// makeGenesis is entry 0, signed by two officers of three.
func (w *world) makeGenesis(ctx context.Context) error {
	if err := w.draftGenesis(); err != nil {
		return err
	}
	c, err := w.sign(ctx, "genesis", "genesis")
	w.genesis = c.Genesis
	w.doc.Genesis = c.Genesis
	return err
}

// combined is what combine says.
type combined struct {
	Genesis string   `json:"genesis"`
	Group   string   `json:"group"`
	Signed  []string `json:"signed"`
}

// sign lets a threshold of officers sign FILE.request, each by a command of their
// own, and combines it into FILE.json.
func (w *world) sign(ctx context.Context, kind, name string) (combined, error) {
	request := w.file(name + ".request")
	args := []string{kind, "combine", request}
	for i := range threshold {
		sig := w.file(fmt.Sprintf("%s.signature-%d", name, i+1))
		if _, err := w.tool(ctx, kind, "sign", request, fmt.Sprintf("--key=%s", w.key(fmt.Sprintf("officer-%d", i+1))), "--out="+sig, "--yes"); err != nil {
			return combined{}, err
		}
		args = append(args, sig)
	}
	return toolInto[combined](ctx, w, append(args, "--out="+w.file(name+".json"))...)
}

// startDaemon writes the configuration at first, and starts the daemon.
func (w *world) startDaemon(ctx context.Context) error {
	config := w.file("haltlogd.toml")
	if w.url == "" {
		text := fmt.Sprintf(`[log]
store = %q
state = %q
genesis = %q
key = %q
# An idle log is witnessed anew each second, so that an anchor never waits for company.
refresh = "1s"

[http]
listen = %q

[engine]
key = %q
`, "dir:"+filepath.Join(w.dir, "data", "log"), filepath.Join(w.dir, "data", "log.state"), w.file("genesis.json"), w.key("log"),
			w.host+":0", w.key("engine"))
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			return err
		}
	}
	argv := []string{w.bin.Haltlogd, "serve", "--verbose", "--config=" + config}
	if w.url != "" {
		argv = append(argv, "--set=http.listen="+strings.TrimPrefix(w.url, "http://"))
	}
	p, address, err := w.server(ctx, "daemon", argv)
	if err != nil {
		return err
	}
	w.daemon, w.url = p, "http://"+address
	w.doc.Addresses["daemon"] = w.url
	if w.client, err = client.New(client.Config{URL: w.url}); err != nil {
		return err
	}
	return until(ctx, "the daemon is ready", startWait, func() (bool, error) {
		err := w.client.Ready(ctx)
		return err == nil, err
	})
}

// appoint brings the first policy into force and appoints the group.
func (w *world) appoint(ctx context.Context, set []string) error {
	w.document = w.file("policy-1")
	args := []string{"policy", "draft", "--chain=" + chain, "--expires=24h", "--out=" + w.document}
	for _, s := range set {
		args = append(args, "--set="+s)
	}
	if _, err := w.tool(ctx, args...); err != nil {
		return err
	}
	if err := w.enact(ctx, 1); err != nil {
		return err
	}
	if err := until(ctx, "the policy comes into force", stepWait, func() (bool, error) {
		ps, err := w.client.Policies(ctx, chain)
		return err == nil && len(ps) == 1 && ps[0].InForce, err
	}); err != nil {
		return err
	}
	args = []string{
		"group", "appoint", "--genesis-file=" + w.file("genesis.json"), "--genesis=" + w.genesis, "--name=" + groupName, "--chain=" + chain,
		"--out=" + w.file("group.request"),
	}
	for i := range members {
		args = append(args, "--enrolment="+filepath.Join(w.key(memberName(i)), "enrolment.json"))
	}
	if _, err := w.tool(ctx, args...); err != nil {
		return err
	}
	c, err := w.sign(ctx, "group", "group")
	if err != nil {
		return err
	}
	w.group = c.Group
	_, err = w.tool(ctx, "group", "submit", w.file("group.json"), "--log="+w.url, "--wait=folded")
	return err
}

// enact lets the officers sign the newest document, and submits it.
func (w *world) enact(ctx context.Context, number int) error {
	name := fmt.Sprintf("policy-%d", number)
	args := []string{
		"policy", "request", w.document, "--genesis-file=" + w.file("genesis.json"), "--genesis=" + w.genesis, "--out=" + w.file(name+".request"),
	}
	if number > 1 {
		args = append(args, "--against="+w.file(fmt.Sprintf("policy-%d", number-1)))
	}
	if _, err := w.tool(ctx, args...); err != nil {
		return err
	}
	if _, err := w.sign(ctx, "policy", name); err != nil {
		return err
	}
	_, err := w.tool(ctx, "policy", "submit", w.file(name+".json"), "--log="+w.url, "--wait=folded")
	return err
}

// amend follows the newest policy with one that differs in some fields.
func (w *world) amend(ctx context.Context, number int, set ...string) error {
	next := w.file(fmt.Sprintf("policy-%d", number))
	args := []string{"policy", "draft", "--after=" + w.document, "--out=" + next}
	for _, s := range set {
		args = append(args, "--set="+s)
	}
	if _, err := w.tool(ctx, args...); err != nil {
		return err
	}
	w.document = next
	return w.enact(ctx, number)
}

// startMonitors lets the monitors beat.
func (w *world) startMonitors() error {
	for i, m := range w.monitors {
		var err error
		m.proc, err = w.fleet.start(fmt.Sprintf("monitor-%d", i+1), []string{
			w.bin.Haltlogd, "monitor", "--log=" + w.url, "--quorum=" + w.file("quorum"), "--genesis=" + w.genesis, "--key=" + m.key, "--every=" + time.Second.String(),
		}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

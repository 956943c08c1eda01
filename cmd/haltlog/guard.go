package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/internal/guardian"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// GuardCmd holds one run on short leases. It is also what delivers receipts that earlier guards left behind.
type GuardCmd struct {
	RunID   string   `name:"run" required:"" placeholder:"RUN" help:"The run, as it was registered."`
	Log     []string `required:"" sep:"none" placeholder:"[KEYID=]URL" help:"Address of the log, with the key id of the engine that grants leases there. May be given several times; the key id may be missing where the log has one engine."`
	Quorum  string   `required:"" type:"existingfile" placeholder:"FILE" help:"The log's tlog-policy: its keys, its witnesses and how many of them count."`
	Genesis string   `required:"" placeholder:"HASH" help:"Hash of the log's genesis, as its operator published it."`
	Key     string   `required:"" placeholder:"REF" help:"The guard's private key: a file, or provider://resource."`
	State   string   `required:"" type:"path" placeholder:"DIR" help:"Directory of this run's guard: memory, halts, receipts, and the leases that it was granted, as evidence for haltlog audit. The command never sees it."`

	Checkpoints string        `type:"path" placeholder:"DIR" help:"Where the command completes its saved models; each is fingerprinted and escrowed."`
	WatchEvery  time.Duration `default:"1s" help:"Pause between two looks at the checkpoints."`
	Base        string        `type:"existingfile" placeholder:"FILE" help:"Labels of the base that the run declared: they are not escrowed."`
	TokenFile   string        `type:"existingfile" placeholder:"FILE" help:"Bearer token for evaluations; without it the anonymous quota is used."`
	Listen      string        `placeholder:"ADDR" help:"Own address for live votes, such as 127.0.0.1:7070."`

	Mode         string   `default:"auto" enum:"auto,cgroup,pidns" help:"How the command is held: ${enum}."`
	Weak         bool     `help:"Accept less than full strength: neither a cgroup nor a uid of the command's own."`
	UID          uint32   `name:"uid" default:"65534" help:"The command's uid where the guard is root; never 0."`
	GID          uint32   `name:"gid" default:"65534" help:"The command's gid where the guard is root; never 0."`
	CgroupParent string   `type:"path" placeholder:"DIR" help:"Directory of the cgroup v2 tree to work below; the guard's own by default."`
	Dir          string   `type:"path" placeholder:"DIR" help:"The command's working directory; / by default."`
	Mask         []string `type:"path" sep:"none" placeholder:"DIR" help:"A directory that the command must not see, such as the one with keys. May be given several times."`

	EngineQuorum int           `placeholder:"K" help:"How many engines have to grant; by default what the policy says."`
	MaxLease     time.Duration `help:"The longest lease to accept; by default what the policy says that the run was registered under."`
	MaxAge       time.Duration `help:"The oldest checkpoint to accept in a lease; by default what that policy says."`
	Renew        time.Duration `help:"Pause between lease requests; a third of the lease by default."`
	Heartbeat    time.Duration `help:"Pause between heartbeats; a third of the lease by default."`
	Drain        time.Duration `default:"5s" help:"How long receipts are tried after the end before they are left in the state directory."`
	Deliver      bool          `help:"Run nothing: hand the receipts in the state directory to the log, and end."`

	Command []string `arg:"" optional:"" help:"The program to guard and its arguments, after --."`
}

// guardDispatch does the work of a guard's helper process if this is one. It must come first in main.
func guardDispatch() (code int, helper bool) { return guard.Main(os.Args) }

// Run holds the command, or delivers.
func (c *GuardCmd) Run(e *env) error {
	gc, deps, err := c.settings(e)
	if err != nil {
		return err
	}
	if c.Deliver {
		return c.deliver(e, gc, deps)
	}
	if err := c.local(&gc.Guard); err != nil {
		return err
	}
	if c.Listen != "" {
		l, err := net.Listen("tcp", c.Listen)
		if err != nil {
			return fmt.Errorf("own address: %w", err)
		}
		defer l.Close()
		deps.Listener = l
	}
	g, err := guardian.Open(e.ctx, gc, deps)
	if err != nil {
		return c.explain(err)
	}
	out, err := g.Run(e.ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("guard run %s: %w", c.RunID, err), c.left(out.Undelivered))
	}
	switch code := out.ExitCode(); {
	case code == cli.OK:
		return nil
	case code == cli.No:
		return errors.Join(no(fmt.Errorf("run %s is over: %s (%s)", c.RunID, out.Cause, out.Evidence)), c.left(out.Undelivered))
	case code == cli.Look:
		return look(fmt.Errorf("run %s ended by itself: exit code %d, signal %d", c.RunID, out.Exit.Code, out.Exit.Signal))
	default:
		return errors.Join(fmt.Errorf("run %s was stopped by its guard: %s (%s)", c.RunID, out.Cause, out.Evidence), c.left(out.Undelivered))
	}
}

func (c *GuardCmd) deliver(e *env, gc guardian.Config, deps guardian.Deps) error {
	if len(c.Command) > 0 {
		return usage("--deliver runs no command")
	}
	ctx, cancel := context.WithTimeout(e.ctx, max(c.Drain, time.Second))
	defer cancel()
	left, err := guardian.Deliver(ctx, gc, deps)
	return errors.Join(err, c.left(left))
}

func (c *GuardCmd) left(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d statements wait in %s: hand them on with haltlog guard --deliver", n, c.State)
}

// settings reads what the command line names. Every problem is reported at once.
func (c *GuardCmd) settings(e *env) (guardian.Config, guardian.Deps, error) {
	var errs []error
	gc := guardian.Config{
		Run: c.RunID, Granting: c.EngineQuorum, MaxLease: c.MaxLease, MaxAge: c.MaxAge, Renew: c.Renew, Heartbeat: c.Heartbeat,
	}
	for _, a := range c.Log {
		id, url, named := strings.Cut(a, "=")
		if !named || strings.Contains(id, "/") {
			id, url = "", a
		}
		gc.Logs = append(gc.Logs, guardian.Address{URL: url, Engine: id})
	}
	var err error
	if gc.Genesis, err = log.ParseHex(c.Genesis); err != nil {
		errs = append(errs, usage("--genesis: %v", err))
	}
	read := func(path string) []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			errs = append(errs, err)
		}
		return b
	}
	gc.Quorum = read(c.Quorum)
	if c.Base != "" {
		gc.Base = read(c.Base)
	}
	if c.TokenFile != "" {
		gc.Token = strings.TrimSpace(string(read(c.TokenFile)))
	}
	key, err := keys.Open(e.ctx, c.Key)
	errs = append(errs, err)
	clock, err := guard.NewSystemClock()
	errs = append(errs, err)
	if c.UID == 0 || c.GID == 0 {
		errs = append(errs, usage("the command is never run as root: --uid and --gid are above 0"))
	}
	gc.Guard = guard.Config{
		StateDir: c.State, Command: c.Command, UID: c.UID, GID: c.GID, Mode: guard.Mode(c.Mode), Weak: c.Weak,
		CgroupParent: c.CgroupParent, Dir: c.Dir, Masks: c.Mask, Checkpoints: c.Checkpoints, WatchEvery: c.WatchEvery, Drain: c.Drain,
		Stdout: os.Stdout, Stderr: os.Stderr,
	}
	if e.json {
		gc.Guard.Stdout = os.Stderr // standard output is the guard's, line by line
	}
	level := slog.LevelWarn
	deps := guardian.Deps{
		Verifier: keys.NewVerifier(), Clock: clock, Report: reporter(e),
		Logger: slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level})),
	}
	if key != nil {
		deps.Key = key
	}
	return gc, deps, errors.Join(errs...)
}

// local checks what this machine must give, before anything is asked of the log: one sentence each.
func (c *GuardCmd) local(g *guard.Config) error {
	if len(c.Command) == 0 {
		return usage("no command: give it after --")
	}
	var errs []error
	path, err := exec.LookPath(c.Command[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("the command cannot be run: %w", err))
	}
	g.Command = append([]string{path}, c.Command[1:]...)
	if os.Geteuid() != 0 && c.Mode == string(guard.ModeNamespace) && !c.Weak {
		errs = append(errs, errors.New("a PID namespace without a cgroup needs root, to give the command a uid of its own; run the guard as root, or accept less with --weak"))
	}
	if c.Mode == string(guard.ModeCgroup) && c.CgroupParent != "" {
		if _, err := os.Stat(filepath.Join(c.CgroupParent, "cgroup.procs")); err != nil {
			errs = append(errs, fmt.Errorf("%s is no directory of a cgroup v2 tree, or may not be read: %w", c.CgroupParent, err))
		}
	}
	if c.Checkpoints != "" {
		if info, err := os.Stat(c.Checkpoints); err != nil || !info.IsDir() {
			errs = append(errs, fmt.Errorf("the checkpoints' directory %s is not there or is no directory", c.Checkpoints))
		}
	}
	return errors.Join(errs...)
}

// explain gives what did not verify the exit code of a no.
func (c *GuardCmd) explain(err error) error {
	for _, family := range []error{
		guardian.ErrGenesis, guardian.ErrOrigin, guardian.ErrKey, guardian.ErrSignature, guardian.ErrProof, guardian.ErrSplitView,
	} {
		if errors.Is(err, family) {
			return no(fmt.Errorf("the log's answers do not verify: %w", err))
		}
	}
	return err
}

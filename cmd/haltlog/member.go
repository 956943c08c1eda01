package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/member"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

type memberCmd struct {
	Keygen  memberKeygenCmd  `cmd:"" help:"Make your check-in key and your ring key, and the enrolment file for the officers."`
	Checkin memberCheckinCmd `cmd:"" help:"Check in on a run, again and again until it ends: the beeper."`
	Status  memberStatusCmd  `cmd:"" help:"Show how you stand: next due, whether the last one counted, misses of the group."`
}

type memberKeygenCmd struct {
	Origin    string `required:"" env:"HALTLOG_ORIGIN" help:"Name of the log."`
	Group     string `required:"" help:"Name of the group that you are to be appointed to."`
	Pseudonym string `required:"" help:"Your name in the group."`
	Dir       string `required:"" type:"path" help:"Folder for checkin.key, ring.key and enrolment.json, none of which may exist yet. It is made where it is missing."`
}

func (c *memberKeygenCmd) Run(e *env) error {
	k, err := keys.Generate(keys.Ed25519)
	if err != nil {
		return err
	}
	s, err := keys.NewSigner(k)
	if err != nil {
		return err
	}
	secret, _, err := ring.GenerateKey(nil)
	if err != nil {
		return err
	}
	enrolment, err := officer.Enrol(s, s.SPKI(), secret, c.Origin, c.Group, c.Pseudonym)
	if err != nil {
		return err
	}
	pem, err := keys.MarshalPrivate(k)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder for keys: %w", err)
	}
	// The enrolment last: without both keys it would promise what nobody holds.
	for _, f := range []struct {
		name    string
		content []byte
	}{{"checkin.key", pem}, {"ring.key", keys.MarshalRing(secret)}, {"enrolment.json", enrolment.Marshal()}} {
		if err := create(filepath.Join(c.Dir, f.name), f.content); err != nil {
			return err
		}
	}
	out := filepath.Join(c.Dir, "enrolment.json")
	return e.print(map[string]string{"pseudonym": c.Pseudonym, "keyid": s.KeyID(), "enrolment": out}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s has keyid %s; send %s to the officers, and keep the two key files\n", c.Pseudonym, s.KeyID(), out)
		return err
	})
}

type memberCheckinCmd struct {
	trustFlags `embed:""`
	RunID      string        `name:"run" required:"" help:"Name of the run."`
	Key        string        `required:"" help:"Your check-in key file, or the reference of a key in a KMS (provider://resource)."`
	Once       bool          `help:"Check in once, wait until it counts, and end."`
	Timeout    time.Duration `default:"1m" help:"With --once: how long to try."`
}

func (c *memberCheckinCmd) Run(e *env) error {
	if c.State == "" {
		return usage("--state is needed: the last sequence number has to outlive this process")
	}
	s, err := keys.Open(e.ctx, c.Key)
	if err != nil {
		return err
	}
	l, err := c.open(e, "")
	if err != nil {
		return err
	}
	defer l.close()
	run, err := l.client.Run(e.ctx, c.RunID)
	if err != nil {
		return noRun(c.RunID, err)
	}
	b, err := member.New(member.Config{Origin: l.Genesis().Origin, Run: c.RunID, Signer: s}, member.Deps{
		Log: l, Server: l.client, Gap: gap(e, l.client, run.Chain), Report: e.beep,
	})
	if err != nil {
		return err
	}
	if c.Once {
		return c.once(e, b)
	}
	err = b.Run(e.ctx)
	switch {
	case errors.Is(err, member.ErrHalted):
		return no(err)
	case errors.Is(err, member.ErrClosed):
		return nil
	case e.ctx.Err() != nil:
		return nil // asked to stop
	}
	return c.evidence(err)
}

func (c *memberCheckinCmd) once(e *env, b *member.Beeper) error {
	ctx, cancel := timeout(e, c.Timeout)
	defer cancel()
	a, err := b.Once(ctx)
	switch {
	case errors.Is(err, member.ErrHalted), errors.Is(err, member.ErrClosed), errors.Is(err, member.ErrNotCounted):
		return no(err)
	case err != nil:
		return c.evidence(err)
	}
	return e.accepted(a)
}

// beep prints a report: a line of JSON, or a line for people.
func (e *env) beep(r member.Report) {
	if e.json {
		_ = json.NewEncoder(e.stdout).Encode(r)
		return
	}
	at := r.Time.UTC().Format(time.TimeOnly)
	switch {
	case r.Trouble != "":
		fmt.Fprintf(e.stderr, "%s trouble: %s\n", at, r.Trouble)
	case r.State == api.RunHalted || r.State == api.RunClosed:
		fmt.Fprintf(e.stdout, "%s run %s is %s\n", at, r.Run, r.State)
	case r.Warning:
		fmt.Fprintf(e.stderr, "%s WARNING: %d of %d misses stand: one more halts run %s\n", at, r.Misses, r.Threshold, r.Run)
	case r.State != api.RunArmed:
		fmt.Fprintf(e.stdout, "%s run %s is %s: nothing is due yet\n", at, r.Run, r.State)
	case r.Counted:
		fmt.Fprintf(e.stdout, "%s check-in %d counted, next due %s, %d of %d misses stand\n", at, r.Sent, r.NextDue.UTC().Format(time.TimeOnly), r.Misses, r.Threshold)
	case r.Sent > 0:
		fmt.Fprintf(e.stdout, "%s check-in %d sent\n", at, r.Sent)
	default:
		fmt.Fprintf(e.stdout, "%s next due %s, %d of %d misses stand\n", at, r.NextDue.UTC().Format(time.TimeOnly), r.Misses, r.Threshold)
	}
}

type memberStatusCmd struct {
	logFlag `embed:""`
	RunID   string `name:"run" required:"" help:"Name of the run."`
	Key     string `help:"Your check-in key file; or give --keyid."`
	KeyID   string `name:"keyid" help:"Key ID of your check-in key."`
}

func (c *memberStatusCmd) Run(e *env) error {
	if (c.Key == "") == (c.KeyID == "") {
		return usage("give --key or --keyid")
	}
	if c.Key != "" {
		s, err := keys.Open(e.ctx, c.Key)
		if err != nil {
			return err
		}
		c.KeyID = s.KeyID()
	}
	cl, err := c.client("")
	if err != nil {
		return err
	}
	m, err := cl.Member(e.ctx, c.RunID, c.KeyID)
	if errors.Is(err, client.ErrNotFound) {
		return no(fmt.Errorf("no run %s, or no such member of its group", c.RunID))
	}
	if err != nil {
		return err
	}
	err = e.print(m, func(w io.Writer) error {
		fmt.Fprintf(w, "run %s is %s\n", line(m.Run), m.State)
		if m.State != api.RunArmed {
			return nil
		}
		fmt.Fprintf(w, "next due %s, every %v\n", m.NextDue.UTC().Format(time.RFC3339), ms(m.Interval))
		if m.Sequence > 0 {
			fmt.Fprintf(w, "check-in %d counted\n", m.Sequence)
		} else {
			fmt.Fprintln(w, "no check-in of yours has counted yet")
		}
		_, err := fmt.Fprintf(w, "%d of %d misses stand in the group\n", m.Misses, m.Threshold)
		return err
	})
	switch {
	case err != nil:
		return err
	case m.State == api.RunHalted:
		return no(errors.New("the run is halted"))
	case m.Warning:
		return look(fmt.Errorf("one more miss of anybody halts run %s", c.RunID))
	}
	return nil
}

type voteCmd struct {
	RunID     string        `name:"run" required:"" help:"Name of the run to halt."`
	Ring      string        `required:"" type:"path" help:"Your ring key file."`
	GroupFile string        `type:"path" help:"Your group, as you got it at the appointment. Without it, it is fetched from --log and verified by the officers' signatures; whoever watches you then sees that you asked."`
	To        []string      `help:"Addresses to hand the vote in at: the daemon, witnesses, guards. Without it, --log."`
	Log       string        `env:"HALTLOG_LOG" help:"Address of the log."`
	Quorum    string        `type:"path" env:"HALTLOG_QUORUM" help:"Quorum file, for a group that is fetched."`
	Genesis   string        `env:"HALTLOG_GENESIS" help:"Hash of the genesis, for a group that is fetched; without it the log is trusted on first use."`
	State     string        `type:"path" env:"HALTLOG_STATE" help:"State file, for a group that is fetched."`
	Timeout   time.Duration `default:"10m" help:"How long to try."`
	Yes       bool          `help:"Do not ask on a terminal."`
}

func (c *voteCmd) Run(e *env) error {
	if len(c.To) == 0 {
		if c.Log == "" {
			return usage("give --to or --log: where to hand the vote in")
		}
		c.To = []string{c.Log}
	}
	if !log.ValidName(c.RunID) {
		return usage("--run %q is no name of a run", c.RunID)
	}
	secret, err := keys.LoadRing(c.Ring)
	if err != nil {
		return err
	}
	g, err := c.group(e)
	if err != nil {
		return err
	}
	leaf, err := member.Vote(g, secret, c.RunID, time.Now())
	if errors.Is(err, ring.ErrNotMember) {
		return no(fmt.Errorf("%s is no key of group %s: %w", c.Ring, g.Name, err))
	}
	if err != nil {
		return err
	}
	if err := e.confirm(c.Yes, fmt.Sprintf("Halt run %s of %s? It is final.", c.RunID, g.Origin)); err != nil {
		return err
	}
	ctx, cancel := timeout(e, c.Timeout)
	defer cancel()
	if err := client.Vote(ctx, c.To, leaf); err != nil {
		return err
	}
	return e.print(map[string]any{"run": c.RunID, "accepted": true}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "the vote on run %s was taken\n", c.RunID)
		return err
	})
}

// group is the member's group: from the file, or fetched and believed only with
// the officers' signatures. A group of a server's own making, with the voter's key
// among keys of its own, would name its voter.
func (c *voteCmd) group(e *env) (*log.Group, error) {
	if c.GroupFile != "" {
		g, _, err := readGroup(c.GroupFile)
		return g, err
	}
	if c.Log == "" {
		return nil, usage("give --group-file, or --log to fetch the group from")
	}
	t := trustFlags{logFlag: logFlag{c.Log}, Quorum: c.Quorum, Genesis: c.Genesis, State: c.State}
	l, err := t.open(e, "")
	if err != nil {
		return nil, err
	}
	defer l.close()
	return fetchGroup(e, l, c.RunID)
}

// fetchGroup is the group in force of a run, verified.
func fetchGroup(e *env, l *opened, run string) (*log.Group, error) {
	r, err := l.client.Run(e.ctx, run)
	if err != nil {
		return nil, noRun(run, err)
	}
	leaf, err := l.client.Group(e.ctx, r.Group)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", r.Group.Hex(), err)
	}
	s, err := log.Parse(leaf)
	if err != nil {
		return nil, no(fmt.Errorf("group %s: %w", r.Group.Hex(), err))
	}
	g, ok := s.Statement.(*log.Group)
	if !ok || log.GroupHash(s.Envelope.Payload) != r.Group || g.Origin != l.Genesis().Origin {
		return nil, no(fmt.Errorf("the log answered with another group than %s", r.Group.Hex()))
	}
	a, err := l.Authority(e.ctx, l.Newest().Checkpoint.Size)
	if err != nil {
		return nil, err
	}
	if err := a.Signed(s); err != nil {
		return nil, fmt.Errorf("group %s: %w", g.Name, err)
	}
	return g, nil
}

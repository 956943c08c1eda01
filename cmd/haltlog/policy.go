package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

type policyCmd struct {
	Draft   policyDraftCmd   `cmd:"" help:"Write a policy document: the first of a chain from defaults, or the one after another."`
	Lint    policyLintCmd    `cmd:"" help:"Report every problem of a document, with each field's bounds, and its failure rates."`
	Diff    policyDiffCmd    `cmd:"" help:"Say in words what a document tightens or loosens."`
	Request policyRequestCmd `cmd:"" help:"Write the sign request of a document that has no problem."`
	Sign    signCmd          `cmd:"" help:"As one officer, sign the request: what changes is printed first."`
	Combine combineCmd       `cmd:"" help:"Put the officers' signatures together."`
	Submit  submitCmd        `cmd:"" help:"Post the signed policy."`
}

type policyDraftCmd struct {
	Chain   string   `help:"Name of the policy chain, for its first document."`
	After   string   `type:"path" help:"Document to follow: same values, next number."`
	Expires string   `help:"End of validity: a time in RFC 3339, or a duration from now. Needed for the first document."`
	Set     []string `sep:"none" placeholder:"FIELD=VALUE" help:"Give a field a value: lease.duration_ms=20s, live_vote.mode=enforce, class.NAME=5m, class.NAME=none."`
	Out     string   `required:"" type:"path" help:"Document to write. It must not exist."`
	Pretty  bool     `help:"Indent it for an editor; every command here reads both."`
}

func (c *policyDraftCmd) Run(e *env) error {
	if (c.After == "") == (c.Chain == "") {
		return usage("give --chain for the first document of a chain, or --after for one that follows")
	}
	now := time.Now()
	var d *officer.Draft
	if c.After != "" {
		last, err := readDocument(c.After)
		if err != nil {
			return err
		}
		if d, err = officer.Follow(last); err != nil {
			return err
		}
	} else {
		if c.Expires == "" {
			return usage("--expires is needed for the first document of a chain")
		}
		d = officer.NewDraft(c.Chain, now)
	}
	if c.Expires != "" {
		c.Set = append(c.Set, "expires="+c.Expires)
	}
	for _, s := range c.Set {
		if err := d.Set(s, now); err != nil {
			return err
		}
	}
	if problems := d.Lint(nil); len(problems) > 0 {
		return e.problems(problems)
	}
	b := d.Bytes()
	if c.Pretty {
		b = d.Indented()
	}
	if err := create(c.Out, b); err != nil {
		return err
	}
	doc, err := d.Document()
	if err != nil {
		return err
	}
	return e.print(struct {
		Chain  string      `json:"chain"`
		Number uint64      `json:"number"`
		Hash   policy.Hash `json:"hash"`
		File   string      `json:"file"`
	}{doc.Chain, doc.Number, doc.Hash(), c.Out}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "policy %s %d\nhash %s\n", doc.Chain, doc.Number, doc.Hash())
		return err
	})
}

// readDocument reads a policy in any layout.
func readDocument(path string) (*policy.Document, error) {
	d, err := parseFile(path, officer.ParseDraft)
	if err != nil {
		return nil, err
	}
	doc, err := d.Document()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return doc, nil
}

// problems is the answer no to a document.
func (e *env) problems(ps []officer.Problem) error {
	if e.json {
		if err := json.NewEncoder(e.stdout).Encode(map[string]any{"problems": ps}); err != nil {
			return err
		}
	}
	errs := make([]error, 0, len(ps))
	for _, p := range ps {
		errs = append(errs, errors.New(p.String()))
	}
	return no(errors.Join(errs...))
}

type policyLintCmd struct {
	File      string        `arg:"" type:"path" help:"Policy document."`
	Genesis   string        `name:"genesis-file" type:"path" env:"HALTLOG_GENESIS_FILE" help:"Entry 0 of the log, for its skew and periods; without it the fields are judged one by one."`
	Members   int           `default:"8" help:"Size of the group, for the failure rates."`
	Miss      float64       `default:"0.001" help:"Chance that a member who wants to go on misses one check-in."`
	Recognise float64       `default:"0.5" help:"Chance that a member recognises a run that has to stop."`
	Vote      float64       `default:"0.8" help:"Chance that such a member also votes in time."`
	Horizon   time.Duration `default:"720h" help:"Time over which false shutdowns are counted."`
	Reaction  time.Duration `default:"1h" help:"Time within which a run that has to stop has to be stopped."`
}

// classRates are the failure rates of one class, and how fast its tripwires are.
type classRates struct {
	Class            string      `json:"class"`
	FalseShutdown    *float64    `json:"false_shutdown,omitempty"`
	FalseNotShutdown *float64    `json:"false_not_shutdown,omitempty"`
	Unknown          string      `json:"unknown,omitempty"` // why there are no rates
	Delays           []classWait `json:"delays"`
}

type classWait struct {
	Tripwire string `json:"tripwire"`
	From     string `json:"from"`
	MS       int64  `json:"ms"`
}

func (c *policyLintCmd) Run(e *env) error {
	d, err := parseFile(c.File, officer.ParseDraft)
	if err != nil {
		return err
	}
	var cfg *policy.Config
	if c.Genesis != "" {
		a, _, err := genesisFile(c.Genesis, "")
		if err != nil {
			return err
		}
		cfg = &policy.Config{Skew: ms(a.Genesis.SkewMS), AnchorPeriod: ms(a.Genesis.AnchorPeriodMS), DecisionPeriod: ms(a.Genesis.DecisionPeriodMS)}
	}
	if problems := d.Lint(cfg); len(problems) > 0 {
		return e.problems(problems)
	}
	doc, err := d.Document()
	if err != nil {
		return err
	}
	rates := c.rates(doc)
	return e.print(map[string]any{"problems": []officer.Problem{}, "classes": rates}, func(w io.Writer) error {
		if cfg == nil {
			fmt.Fprintln(w, "every field is within its bounds; whether they fit the log's periods needs --genesis-file")
		} else {
			fmt.Fprintln(w, "no problem")
		}
		for _, r := range rates {
			if r.Unknown != "" {
				fmt.Fprintf(w, "class %s: no rates: %s\n", r.Class, r.Unknown)
			} else {
				fmt.Fprintf(w, "class %s, %d members: false shutdown within %v: %.2g; false not-shutdown within %v: %.2g\n", r.Class, c.Members, c.Horizon, *r.FalseShutdown, c.Reaction, *r.FalseNotShutdown)
			}
			for _, t := range r.Delays {
				fmt.Fprintf(w, "  %-10s at most %v after %s\n", t.Tripwire, ms(t.MS), t.From)
			}
		}
		return nil
	})
}

func (c *policyLintCmd) rates(doc *policy.Document) []classRates {
	list := make([]classRates, 0, len(doc.Classes))
	for _, class := range doc.Classes {
		r := classRates{Class: class.Name, Delays: []classWait{}}
		rates, err := doc.Rates(class.Name, policy.Assumptions{
			Members: c.Members, Miss: c.Miss, Recognise: c.Recognise, Vote: c.Vote, Horizon: c.Horizon, Reaction: c.Reaction,
		})
		if err != nil {
			r.Unknown = err.Error()
		} else {
			r.FalseShutdown, r.FalseNotShutdown = new(rates.FalseShutdown), new(rates.FalseNotShutdown)
		}
		delays, err := doc.Delays(class.Name, c.Members)
		if err == nil {
			for _, d := range delays {
				r.Delays = append(r.Delays, classWait{d.Tripwire, d.From, d.Bound.Milliseconds()})
			}
		}
		list = append(list, r)
	}
	return list
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

type policyDiffCmd struct {
	Old string `arg:"" type:"path" help:"Document in force."`
	New string `arg:"" type:"path" help:"Document to come."`
}

func (c *policyDiffCmd) Run(e *env) error {
	old, err := readDocument(c.Old)
	if err != nil {
		return err
	}
	next, err := readDocument(c.New)
	if err != nil {
		return err
	}
	direction, changes := policy.Compare(old, next)
	type change struct {
		Field     string `json:"field"`
		Old       string `json:"old"`
		New       string `json:"new"`
		Direction string `json:"direction"`
		Words     string `json:"words"`
	}
	out := struct {
		Direction string   `json:"direction"`
		Follows   bool     `json:"follows"` // the new one names the old one as its previous
		Changes   []change `json:"changes"`
	}{direction.String(), follows(old, next), []change{}}
	for _, x := range changes {
		out.Changes = append(out.Changes, change{x.Field, x.Old, x.New, x.Direction.String(), x.String()})
	}
	return e.print(out, func(w io.Writer) error {
		if !out.Follows {
			fmt.Fprintf(w, "%s %d is not the document after %s %d\n", next.Chain, next.Number, old.Chain, old.Number)
		}
		return diffText(w, old, next)
	})
}

func follows(old, next *policy.Document) bool {
	return old.Chain == next.Chain && next.Number == old.Number+1 && next.Previous != nil && *next.Previous == old.Hash()
}

// diffText says in words what a document changes and when that counts.
func diffText(w io.Writer, old, next *policy.Document) error {
	direction, changes := policy.Compare(old, next)
	for _, x := range changes {
		fmt.Fprintln(w, x)
	}
	var err error
	switch direction {
	case policy.Tightening:
		_, err = fmt.Fprintln(w, "a tightening: in force at its own index")
	case policy.Loosening:
		_, err = fmt.Fprintf(w, "a loosening: in force %v after the log has anchored it\n", ms(old.DelayMS))
	default:
		_, err = fmt.Fprintln(w, "nothing changes")
	}
	return err
}

type policyRequestCmd struct {
	officersFlags `embed:""`
	File          string `arg:"" type:"path" help:"Policy document."`
	Against       string `type:"path" help:"The document before, so that each officer sees what changes. Needed from number 2 on."`
	Out           string `required:"" type:"path" help:"Sign request to write. It must not exist."`
}

func (c *policyRequestCmd) Run(e *env) error {
	a, err := c.standing()
	if err != nil {
		return err
	}
	d, err := parseFile(c.File, officer.ParseDraft)
	if err != nil {
		return err
	}
	g := a.Genesis
	if problems := d.Lint(&policy.Config{Skew: ms(g.SkewMS), AnchorPeriod: ms(g.AnchorPeriodMS), DecisionPeriod: ms(g.DecisionPeriodMS)}); len(problems) > 0 {
		return e.problems(problems)
	}
	doc, err := d.Document()
	if err != nil {
		return err
	}
	var against []byte
	switch {
	case c.Against != "":
		old, err := readDocument(c.Against)
		if err != nil {
			return err
		}
		if !follows(old, doc) {
			return no(fmt.Errorf("%s is not the document after %s", c.File, c.Against))
		}
		against = old.Encode()
	case doc.Number > 1:
		return usage("--against is needed: policy %s %d follows another", doc.Chain, doc.Number)
	}
	return e.request(a, &log.Policy{Origin: g.Origin, Chain: doc.Chain, Document: doc.Encode()}, against, c.Out)
}

package fold

import (
	"time"

	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// book is the ledger's PolicyBook: policy.Book behind the log's own words.
type book struct {
	policy.Book
	// rules of each chain's document in force: every check-in asks for them,
	// and a document's hash is costly. Written by Submit and Anchor alone.
	rules map[string]log.Rules
}

func newBook(b policy.Book) *book { return &book{Book: b, rules: map[string]log.Rules{}} }

func (b *book) refresh(chain string) {
	if doc, ok := b.Book.InForce(chain); ok {
		b.rules[chain] = rules(doc)
	}
}

var _ log.PolicyBook = (*book)(nil)

func (b *book) Check(index uint64, chain string, document []byte) error {
	doc, err := policy.Parse(document)
	if err != nil {
		return &log.VoidError{Class: log.Conflict, Reason: "policy: " + err.Error()}
	}
	if doc.Chain != chain {
		return &log.VoidError{Class: log.Conflict, Reason: "policy: of chain " + doc.Chain}
	}
	if err := b.Book.Check(doc, index); err != nil {
		return &log.VoidError{Class: log.Conflict, Reason: "policy: " + err.Error()}
	}
	return nil
}

func (b *book) Submit(index uint64, _ string, document []byte) bool {
	doc, err := policy.Parse(document)
	if err != nil {
		// Check read the same bytes.
		panic("fold: checked policy: " + err.Error())
	}
	next, inForce := b.Book.Submit(index, doc)
	b.Book = next
	if inForce {
		b.refresh(doc.Chain)
	}
	return inForce
}

func (b *book) Anchor(a log.AnchorInfo) []string {
	next, changed := b.Book.Anchor(a.Index, a.Size, a.Min, a.Max)
	b.Book = next
	for _, chain := range changed {
		b.refresh(chain)
	}
	return changed
}

func (b *book) InForce(chain string) (log.Rules, bool) {
	r, ok := b.rules[chain]
	return r, ok
}

func (b *book) Chains() []string { return b.Book.Chains() }

// rules are what the log's void rules need of a document.
func rules(d *policy.Document) log.Rules {
	r := log.Rules{
		Chain: d.Chain, Number: d.Number, Hash: log.Hash(d.Hash()),
		Delay:        ms(d.DelayMS),
		Appointed:    d.Groups.Appointed,
		MinGroup:     int(d.Groups.MinSize),
		Intervals:    make(map[string]time.Duration, len(d.Classes)),
		Lease:        ms(d.Lease.DurationMS),
		Grace:        ms(d.Lease.GraceMS),
		MaxGap:       ms(d.MaxGapMS),
		ListingDelay: ms(d.ListingDelayMS),
		GuardMaxAge:  ms(d.GuardMaxAgeMS),
	}
	for _, c := range d.Classes {
		r.Intervals[c.Name] = ms(c.CheckinIntervalMS)
	}
	if d.Life.Mode != policy.Off {
		r.MaxLife = ms(d.Life.MaxMS)
	}
	return r
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

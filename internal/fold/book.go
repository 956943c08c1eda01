package fold

import (
	"time"

	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// book is the ledger's PolicyBook: policy.Book behind the log's own words.
type book struct{ policy.Book }

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
	return inForce
}

func (b *book) Anchor(a log.AnchorInfo) []string {
	next, changed := b.Book.Anchor(a.Index, a.Size, a.Min, a.Max)
	b.Book = next
	return changed
}

func (b *book) InForce(chain string) (log.Rules, bool) {
	doc, ok := b.Book.InForce(chain)
	if !ok {
		return log.Rules{}, false
	}
	return rules(doc), true
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

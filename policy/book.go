package policy

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// Why a Book refuses a document; the statement is then void.
var (
	ErrNumber   = errors.New("policy number is not the next of its chain")
	ErrPrevious = errors.New("policy does not name the document before it")
	ErrPending  = errors.New("too many policies are pending in the chain")
)

// A Book holds, for every chain, which policy is in force and which are pending
// (E4). It is immutable: each step returns the next Book, the old one stays
// valid. Memory: one document in force and at most MaxPending + 1 per chain.
type Book struct {
	cfg    Config
	chains []bookChain // sorted by name
}

type bookChain struct {
	name    string
	last    uint64 // highest number ever accepted: numbers never go back
	hash    Hash   // of that document
	force   *Document
	delay   int64 // of the newest policy in force whose semantics are known
	pending []pending
}

// pending is a document that waits for anchors.
type pending struct {
	doc     *Document
	index   uint64
	first   bool // no policy was in force at its index: it needs its covering anchor only
	delay   int64
	covered bool
	from    int64 // largest time of the first anchor that covers it
}

// NewBook is the empty book of a log.
func NewBook(c Config) Book { return Book{cfg: c} }

func (b Book) find(chain string) (int, bool) {
	return sort.Find(len(b.chains), func(i int) int {
		switch name := b.chains[i].name; {
		case chain < name:
			return -1
		case chain > name:
			return 1
		}
		return 0
	})
}

// Check says whether a document may join its chain at an index: valid by itself
// and for this log, one number above the last one accepted, naming it as
// previous. Direction does not matter for it. Errors: ErrNumber, ErrPrevious,
// ErrPending, *FieldError.
func (b Book) Check(doc *Document, index uint64) error {
	if err := doc.Validate(b.cfg); err != nil {
		return err
	}
	var c bookChain
	if i, ok := b.find(doc.Chain); ok {
		c = b.chains[i]
	}
	if doc.Number != c.last+1 {
		return fmt.Errorf("%w: %d after %d", ErrNumber, doc.Number, c.last)
	}
	if doc.Number > 1 && *doc.Previous != c.hash {
		return ErrPrevious
	}
	if len(c.pending) >= MaxPending && !c.immediate(doc) {
		return ErrPending
	}
	return nil
}

// immediate says whether a document takes force at its own index: a change
// that loosens nothing, judged against the policy in force there.
func (c *bookChain) immediate(doc *Document) bool {
	if c.force == nil {
		return false
	}
	d, _ := Compare(c.force, doc)
	return d != Loosening
}

// Submit takes a document that Check passed. If it is in force at once, every
// pending one is superseded for ever; otherwise it waits for its anchors.
func (b Book) Submit(index uint64, doc *Document) (next Book, inForce bool) {
	b.chains = slices.Clone(b.chains)
	i, ok := b.find(doc.Chain)
	if !ok {
		b.chains = slices.Insert(b.chains, i, bookChain{name: doc.Chain})
	}
	c := &b.chains[i]
	c.last, c.hash = doc.Number, doc.Hash()
	if c.immediate(doc) {
		c.enforce(doc)
		c.pending = nil
		return b, true
	}
	// Clone: the old Book still holds the slice.
	c.pending = append(slices.Clone(c.pending), pending{doc: doc, index: index, first: c.force == nil, delay: c.delay})
	return b, false
}

func (c *bookChain) enforce(doc *Document) {
	c.force = doc
	if doc.Supported() == nil {
		c.delay = doc.DelayMS
	}
}

// Anchor takes a valid anchor, in log order: its index, the size of its
// checkpoint, and its quorum's smallest and largest time. It returns the chains
// whose policy in force changed, sorted.
func (b Book) Anchor(index, size uint64, smallest, largest time.Time) (next Book, changed []string) {
	low, high := smallest.UnixMilli(), largest.UnixMilli()
	cloned := false
	for i := range b.chains {
		if len(b.chains[i].pending) == 0 {
			continue
		}
		if !cloned {
			b.chains, cloned = slices.Clone(b.chains), true
		}
		c := &b.chains[i]
		var force *Document
		waiting := make([]pending, 0, len(c.pending))
		for _, p := range c.pending {
			if !p.covered && size > p.index {
				p.covered, p.from = true, high
			}
			if p.covered && (p.first || low >= p.from+p.delay) {
				force = p.doc // numbers rise along the slice: the highest remains
				continue
			}
			waiting = append(waiting, p)
		}
		c.pending = waiting
		if force == nil {
			continue
		}
		// Numbers never go back: what waits with a lower one waits in vain.
		c.pending = slices.DeleteFunc(c.pending, func(p pending) bool { return p.doc.Number < force.Number })
		c.enforce(force)
		changed = append(changed, c.name)
	}
	return b, changed
}

// InForce is the policy in force of a chain.
func (b Book) InForce(chain string) (*Document, bool) {
	if i, ok := b.find(chain); ok && b.chains[i].force != nil {
		return b.chains[i].force, true
	}
	return nil, false
}

// Last is the newest document accepted into a chain, in force or not: what the
// next one has to follow. Number 0 says that the chain is empty.
func (b Book) Last(chain string) (number uint64, hash Hash) {
	if i, ok := b.find(chain); ok {
		return b.chains[i].last, b.chains[i].hash
	}
	return 0, Hash{}
}

// Pending are the documents of a chain that wait, by number.
func (b Book) Pending(chain string) []*Document {
	i, ok := b.find(chain)
	if !ok {
		return nil
	}
	var docs []*Document
	for _, p := range b.chains[i].pending {
		docs = append(docs, p.doc)
	}
	return docs
}

// Chains are the names of all chains, sorted.
func (b Book) Chains() []string {
	names := make([]string, len(b.chains))
	for i, c := range b.chains {
		names[i] = c.name
	}
	return names
}

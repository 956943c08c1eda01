package log

// Policy carries a policy document into the log. The document's meaning, its
// number and its predecessor belong to the policy engine; here it is a
// canonical JSON object with the fields chain and number. Signed by the
// officers' threshold.
type Policy struct {
	Origin   string    `json:"origin"`
	Chain    string    `json:"chain"`
	Document RawObject `json:"document"`
}

// Kind is [KindPolicy].
func (p *Policy) Kind() Kind { return KindPolicy }

func (p *Policy) logOrigin() string { return p.Origin }

// Validate checks the bounds, and that the document names this chain.
func (p *Policy) Validate() error {
	var c checks
	c.origin(p.Origin)
	c.name("chain", p.Chain)
	c.size("document", p.Document, 2, MaxDocument)
	if c.err != nil {
		return c.err
	}
	n, err := readTree(p.Document)
	c.with(err, "document")
	if c.err == nil {
		chain, ok := n.member("chain")
		c.that(ok && chain.kind == stringNode && chain.str == p.Chain, "document.chain", "want this statement's chain")
		number, ok := n.member("number")
		c.that(ok && number.kind == numberNode && number.num >= 1, "document.number", "want an integer from 1")
	}
	return c.err
}

// Replay is the chain and the document's number.
func (p *Policy) Replay(string) ReplayKey {
	n, _ := p.Document.integer("number")
	return ReplayKey{Scope: "policy/" + p.Chain, Sequence: uint64(max(n, 0)), Monotone: true}
}

// Void: the policy book takes the document at this index (E4).
func (p *Policy) Void(v View, _ Signed) error { return v.CheckPolicy(p.Chain, p.Document) }

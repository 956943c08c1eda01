package log

// LeaseRequest is a guard's request to let its run go on. It is sent to the
// engine and never logged. Signed by the guard.
type LeaseRequest struct {
	Origin   string    `json:"origin"`
	Run      string    `json:"run"`
	BootID   string    `json:"boot_id"`
	Nonce    Bytes     `json:"nonce"`    // 32 random bytes
	Sequence uint64    `json:"sequence"` // from 1, rising, also over restarts
	Anchor   AnchorRef `json:"anchor"`
	SeenSize uint64    `json:"seen_size"` // of the newest checkpoint that the guard verified; 0 if none
}

// Kind is [KindLeaseRequest].
func (s *LeaseRequest) Kind() Kind { return KindLeaseRequest }

func (s *LeaseRequest) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *LeaseRequest) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.token("boot_id", s.BootID, 1, MaxBootID)
	c.size("nonce", s.Nonce, 32, 32)
	c.that(s.Sequence >= 1, "sequence", "from 1")
	return c.err
}

// Replay is the run and the guard's key, with the sequence.
func (s *LeaseRequest) Replay(signer string) ReplayKey {
	return ReplayKey{Scope: "leaserequest/" + s.Run + "/" + signer, Sequence: s.Sequence, Monotone: true}
}

// Void: may a lease be granted to it? The run has not ended, the signer is one
// of its guards, and its anchor is no older than the lease allows.
func (s *LeaseRequest) Void(v View, e Signed) error {
	r, err := runFor(v, s.Run)
	if err != nil {
		return err
	}
	if err := guardOf(r, e); err != nil {
		return err
	}
	rules, ok := v.Rules(r.Statement.Chain)
	if !ok {
		return voidf(Unknown, "no policy in force in chain %s", r.Statement.Chain)
	}
	return v.Fresh(s.Anchor, rules.Lease)
}

// Lease lets a run go on for its duration, counted from the moment at which
// the request was sent, on the guard's boot-time clock (G1). It is never
// logged. Signed by an engine.
type Lease struct {
	Origin        string `json:"origin"`
	Run           string `json:"run"`
	Guard         string `json:"guard"` // key ID
	BootID        string `json:"boot_id"`
	Nonce         Bytes  `json:"nonce"`    // the request's
	Sequence      uint64 `json:"sequence"` // the request's
	DurationMS    int64  `json:"duration_ms"`
	Policy        uint64 `json:"policy"`
	PolicyHash    Hash   `json:"policy_hash"`
	DecisionIndex uint64 `json:"decision_index"` // of the engine's newest logged decision
	DecisionSize  uint64 `json:"decision_size"`  // the size that it folds
	Checkpoint    Bytes  `json:"checkpoint"`     // newest published, with its cosignatures
	Consistency   []Hash `json:"consistency"`    // from the request's seen_size to it
}

// Kind is [KindLease].
func (s *Lease) Kind() Kind { return KindLease }

func (s *Lease) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Lease) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.keyID("guard", s.Guard)
	c.token("boot_id", s.BootID, 1, MaxBootID)
	c.size("nonce", s.Nonce, 32, 32)
	c.that(s.Sequence >= 1, "sequence", "from 1")
	c.between("duration_ms", s.DurationMS, 1, MaxLease)
	c.that(s.Policy >= 1, "policy", "from 1")
	c.that(s.DecisionSize <= s.DecisionIndex, "decision_size", "beyond the decision's own index")
	c.size("checkpoint", s.Checkpoint, 1, MaxCheckpoint)
	c.count("consistency", len(s.Consistency), 0, MaxPath)
	return c.err
}

// Replay is the run and the engine's key, with the sequence.
func (s *Lease) Replay(signer string) ReplayKey {
	return ReplayKey{Scope: "lease/" + s.Run + "/" + s.Guard + "/" + signer, Sequence: s.Sequence, Monotone: true}
}

// Void: a lease is judged by the guard that asked for it, not by the log.
func (s *Lease) Void(View, Signed) error { return void(Forbidden, "a lease is never logged") }

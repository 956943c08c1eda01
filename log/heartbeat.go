package log

// Heartbeat says that a run's guard is up and whether its process lives; or,
// without a run, that a redundant monitoring system is up.
type Heartbeat struct {
	Origin   string    `json:"origin"`
	Run      *string   `json:"run"`      // null: a monitor's
	Sequence uint64    `json:"sequence"` // from 1, rising
	Anchor   AnchorRef `json:"anchor"`
	Alive    bool      `json:"alive"` // the run's process lives; a monitor says true
	BootID   string    `json:"boot_id"`
}

// Kind is [KindHeartbeat].
func (s *Heartbeat) Kind() Kind { return KindHeartbeat }

func (s *Heartbeat) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Heartbeat) Validate() error {
	var c checks
	c.origin(s.Origin)
	if s.Run != nil {
		c.name("run", *s.Run)
	} else {
		c.that(s.Alive, "alive", "a monitor that signs is alive")
	}
	c.that(s.Sequence >= 1, "sequence", "from 1")
	c.token("boot_id", s.BootID, 1, MaxBootID)
	return c.err
}

// Replay is the run, or "-" for monitors (no run has that name), and the key,
// with the sequence.
func (s *Heartbeat) Replay(signer string) ReplayKey {
	run := "-"
	if s.Run != nil {
		run = *s.Run
	}
	return ReplayKey{Scope: "heartbeat/" + run + "/" + signer, Sequence: s.Sequence, Monotone: true}
}

// Void: a guard's is of a run of its own that has not ended, and its anchor is
// no older than the lease allows; a monitor's is signed by a monitor, and its
// anchor is no older than the longest lease of all chains allows.
func (s *Heartbeat) Void(v View, e Signed) error {
	if s.Run == nil {
		for _, k := range v.Signers() {
			if k.Role != RoleMonitor {
				return void(Forbidden, "not a monitor's key")
			}
		}
		return v.Fresh(s.Anchor, v.LongestLease())
	}
	r, err := runFor(v, *s.Run)
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

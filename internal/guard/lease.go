package guard

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Hash is a SHA-256.
type Hash [32]byte

// MarshalText is lower-case hex.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText takes what MarshalText printed.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(h)) || bytes.ContainsAny(b, "ABCDEF") {
		return errors.New("hash is not 64 lower-case hex digits")
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// LeaseRequest is what the guard asks every engine. How it is encoded, signed and which anchor it names is the
// LeaseClient's matter.
type LeaseRequest struct {
	Origin   string
	Run      string
	GuardKey string
	BootID   string
	Nonce    [32]byte
	Sequence uint64
	// SeenSize is the size of the newest checkpoint that the guard has accepted; the answer's consistency proof starts there.
	SeenSize uint64
}

// Lease is what one engine grants, as it was signed.
type Lease struct {
	Origin        string
	Run           string
	GuardKey      string
	BootID        string
	Nonce         [32]byte
	Sequence      uint64
	Duration      time.Duration // whole milliseconds
	PolicyNumber  uint64
	PolicyHash    Hash
	DecisionIndex uint64
	DecisionSize  uint64 // the decision folds everything below this size
	Checkpoint    []byte // the note with its cosignatures
	Consistency   []Hash // from the request's SeenSize
	Engine        string // key id of the signer
}

// Checked is what LeaseChecker found out about a lease's bytes; the state machine judges the rest.
type Checked struct {
	Size      uint64    // of the checkpoint
	Root      Hash      // of the checkpoint
	Witnessed time.Time // smallest time of the quorum's cosignatures
}

// Terms are the fixed conditions under which leases count.
type Terms struct {
	Origin      string
	Run         string
	GuardKey    string
	Engines     []string
	Quorum      int // k of len(Engines)
	MaxDuration time.Duration
	MaxAge      time.Duration
	Skew        time.Duration
}

// Moment is one reading of the clocks.
type Moment struct {
	Boot   time.Duration
	Wall   time.Time
	BootID string
}

// drift is the wall clock's distance from the boot clock. A jump is a change of it.
func (m Moment) drift() time.Duration { return time.Duration(m.Wall.UnixNano()) - m.Boot }

// Memory is what must survive the guard (G3, L6). It is made durable before anything in it is acted on.
type Memory struct {
	Origin       string         `json:"origin"`
	Run          string         `json:"run"`
	Sequence     uint64         `json:"sequence"`   // last one used in a request
	Statements   uint64         `json:"statements"` // last number given to a statement of the guard
	SeenSize     uint64         `json:"seen_size"`
	SeenRoot     Hash           `json:"seen_root"`
	PolicyNumber uint64         `json:"policy_number"`
	PolicyHash   Hash           `json:"policy_hash"`
	Engines      []EngineMemory `json:"engines"` // sorted by engine
}

// EngineMemory is the newest grant of one engine.
type EngineMemory struct {
	Engine        string `json:"engine"`
	Sequence      uint64 `json:"sequence"`
	DecisionIndex uint64 `json:"decision_index"`
	DecisionSize  uint64 `json:"decision_size"`
}

// Why a lease does not count. All are ErrLease.
var (
	ErrLease     = errors.New("lease refused")
	ErrBinding   = fmt.Errorf("%w: bound to something else", ErrLease)
	ErrUnasked   = fmt.Errorf("%w: answers no open request", ErrLease)
	ErrOld       = fmt.Errorf("%w: older than what was granted", ErrLease)
	ErrDuration  = fmt.Errorf("%w: duration out of bounds", ErrLease)
	ErrPolicy    = fmt.Errorf("%w: policy went back or changed", ErrLease)
	ErrStale     = fmt.Errorf("%w: checkpoint too old or from the future", ErrLease)
	ErrSplitView = fmt.Errorf("%w: checkpoint contradicts the last one seen", ErrLease)
	ErrClock     = fmt.Errorf("%w: clocks jumped since the request", ErrLease)
	ErrHalted    = fmt.Errorf("%w: run is halted", ErrLease)
)

// asked is an open request: its send time is where the deadline counts from.
type asked struct {
	sequence uint64
	nonce    [32]byte
	sent     Moment
	seenSize uint64
	seenRoot Hash
}

// grant is one engine's lease that counts.
type grant struct {
	engine   string
	deadline time.Duration // on the boot clock
	sent     Moment
}

// Leases is the pure state of a run's leases: a value, changed only by the methods that return a new one. It reads no
// clock and does no I/O; times and nonces are arguments. Invariants G1, G3.
type Leases struct {
	terms  Terms
	memory Memory
	open   []asked // by rising sequence
	grants []grant // at most one per engine
	halted bool
}

// NewLeases starts from what survived. Leases themselves never survive a guard: its nonces died with it.
func NewLeases(t Terms, m Memory, halted bool) (Leases, error) {
	if m.Origin != "" && (m.Origin != t.Origin || m.Run != t.Run) {
		return Leases{}, fmt.Errorf("memory belongs to run %q of %q", m.Run, m.Origin)
	}
	if t.Quorum < 1 || t.Quorum > len(t.Engines) {
		return Leases{}, fmt.Errorf("%w: quorum %d of %d engines", ErrConfig, t.Quorum, len(t.Engines))
	}
	m.Origin, m.Run = t.Origin, t.Run
	return Leases{terms: t, memory: m, halted: halted}, nil
}

// Memory is what to make durable before the request or grant that changed it is used.
func (l Leases) Memory() Memory { return l.memory }

// Halt is final: no lease counts any more.
func (l Leases) Halt() Leases {
	l.halted, l.grants, l.open = true, nil, nil
	return l
}

// Ask opens the next request. now must have been read before the request is sent (G1), and Memory must be durable
// before that (G3).
func (l Leases) Ask(now Moment, nonce [32]byte) (Leases, LeaseRequest, error) {
	if l.halted {
		return l, LeaseRequest{}, ErrHalted
	}
	if l.memory.Sequence >= maxSequence {
		return l, LeaseRequest{}, fmt.Errorf("%w: sequence numbers are used up", ErrLease)
	}
	l.memory.Sequence++
	a := asked{l.memory.Sequence, nonce, now, l.memory.SeenSize, l.memory.SeenRoot}
	l.open = append(slices.Clone(l.open), a)
	if drop := len(l.open) - maxOutstanding; drop > 0 {
		l.open = l.open[drop:]
	}
	return l, LeaseRequest{
		Origin: l.terms.Origin, Run: l.terms.Run, GuardKey: l.terms.GuardKey, BootID: now.BootID,
		Nonce: nonce, Sequence: a.sequence, SeenSize: a.seenSize,
	}, nil
}

// Grant judges a lease whose signature, quorum and consistency proof have been verified as c says.
func (l Leases) Grant(lease Lease, c Checked, now Moment) (Leases, error) {
	if l.halted {
		return l, ErrHalted
	}
	i := slices.IndexFunc(l.open, func(a asked) bool { return a.sequence == lease.Sequence && a.nonce == lease.Nonce })
	if i < 0 {
		return l, fmt.Errorf("%w: sequence %d", ErrUnasked, lease.Sequence)
	}
	req := l.open[i]
	if err := l.bindings(lease, req, now); err != nil {
		return l, err
	}
	if err := l.progress(lease, req, c, now); err != nil {
		return l, err
	}
	// From here on everything holds. A maximum over what other engines already showed keeps memory from going back.
	m := l.memory
	if c.Size > m.SeenSize {
		m.SeenSize, m.SeenRoot = c.Size, c.Root
	}
	m.PolicyNumber, m.PolicyHash = lease.PolicyNumber, lease.PolicyHash
	em := EngineMemory{lease.Engine, lease.Sequence, lease.DecisionIndex, lease.DecisionSize}
	m.Engines = slices.DeleteFunc(slices.Clone(m.Engines), func(e EngineMemory) bool { return e.Engine == lease.Engine })
	at, _ := slices.BinarySearchFunc(m.Engines, em, byEngine)
	m.Engines = slices.Insert(m.Engines, at, em)
	l.memory = m
	l.grants = slices.DeleteFunc(slices.Clone(l.grants), func(g grant) bool { return g.engine == lease.Engine })
	l.grants = append(l.grants, grant{lease.Engine, req.sent.Boot + lease.Duration, req.sent})
	return l, nil
}

// bindings checks that the lease was made for this guard, this run, this boot and this request.
func (l Leases) bindings(lease Lease, req asked, now Moment) error {
	t := l.terms
	switch {
	case lease.Origin != t.Origin:
		return fmt.Errorf("%w: origin %q", ErrBinding, lease.Origin)
	case lease.Run != t.Run:
		return fmt.Errorf("%w: run %q", ErrBinding, lease.Run)
	case lease.GuardKey != t.GuardKey:
		return fmt.Errorf("%w: guard %q", ErrBinding, lease.GuardKey)
	case lease.BootID == "" || lease.BootID != req.sent.BootID || lease.BootID != now.BootID:
		return fmt.Errorf("%w: boot id %q", ErrBinding, lease.BootID)
	case !slices.Contains(t.Engines, lease.Engine):
		return fmt.Errorf("%w: engine %q", ErrBinding, lease.Engine)
	case lease.Duration <= 0 || lease.Duration > t.MaxDuration:
		return fmt.Errorf("%w: %s of at most %s", ErrDuration, lease.Duration, t.MaxDuration)
	case jumped(req.sent, now, t.Skew) || now.Boot < req.sent.Boot:
		return ErrClock
	}
	return nil
}

// progress checks that neither the engine nor the log went back.
func (l Leases) progress(lease Lease, req asked, c Checked, now Moment) error {
	m := l.memory
	if i := slices.IndexFunc(m.Engines, func(e EngineMemory) bool { return e.Engine == lease.Engine }); i >= 0 {
		switch e := m.Engines[i]; {
		case lease.Sequence <= e.Sequence:
			return fmt.Errorf("%w: sequence %d after %d", ErrOld, lease.Sequence, e.Sequence)
		case lease.DecisionIndex < e.DecisionIndex || lease.DecisionSize < e.DecisionSize:
			return fmt.Errorf("%w: decision %d of size %d after %d of %d", ErrOld, lease.DecisionIndex, lease.DecisionSize,
				e.DecisionIndex, e.DecisionSize)
		}
	}
	switch {
	case lease.DecisionSize > lease.DecisionIndex:
		// A decision stands after everything it folds.
		return fmt.Errorf("%w: decision %d folds %d entries", ErrBinding, lease.DecisionIndex, lease.DecisionSize)
	case lease.PolicyNumber == 0 || lease.PolicyNumber < m.PolicyNumber:
		return fmt.Errorf("%w: number %d after %d", ErrPolicy, lease.PolicyNumber, m.PolicyNumber)
	case lease.PolicyNumber == m.PolicyNumber && lease.PolicyHash != m.PolicyHash:
		return fmt.Errorf("%w: number %d with another hash", ErrPolicy, lease.PolicyNumber)
	case c.Size < req.seenSize:
		return fmt.Errorf("%w: size %d after %d", ErrOld, c.Size, req.seenSize)
	case c.Size == req.seenSize && c.Size > 0 && c.Root != req.seenRoot,
		c.Size == m.SeenSize && c.Size > 0 && c.Root != m.SeenRoot:
		return fmt.Errorf("%w: two roots for size %d", ErrSplitView, c.Size)
	case now.Wall.Sub(c.Witnessed) > l.terms.MaxAge:
		return fmt.Errorf("%w: witnessed %s ago", ErrStale, now.Wall.Sub(c.Witnessed))
	case c.Witnessed.Sub(now.Wall) > l.terms.Skew:
		return fmt.Errorf("%w: witnessed %s from now", ErrStale, c.Witnessed.Sub(now.Wall))
	}
	return nil
}

// Deadline is when the k-th largest lease ends, on the boot clock: from then on fewer than k stand. ok is false when
// fewer than k have been granted or the run is halted. Only now's boot id and drift are used here, not its time.
func (l Leases) Deadline(now Moment) (deadline time.Duration, ok bool) {
	var ends []time.Duration
	for _, g := range l.grants {
		if g.sent.BootID == now.BootID && !jumped(g.sent, now, l.terms.Skew) {
			ends = append(ends, g.deadline)
		}
	}
	if l.halted || len(ends) < l.terms.Quorum {
		return 0, false
	}
	slices.Sort(ends)
	return ends[len(ends)-l.terms.Quorum], true
}

// Live says whether the run may live at now, and if not, why.
func (l Leases) Live(now Moment) (bool, Cause) {
	if l.halted {
		return false, CauseHalt
	}
	if end, ok := l.Deadline(now); ok && now.Boot < end {
		return true, ""
	}
	// The leases would still stand had the clocks not jumped: say so.
	calm := 0
	for _, g := range l.grants {
		if now.Boot < g.deadline {
			calm++
		}
	}
	if calm >= l.terms.Quorum {
		return false, CauseClock
	}
	return false, CauseLease
}

// jumped says whether wall and boot clock drifted apart by more than skew between a and b, or the machine restarted.
func jumped(a, b Moment, skew time.Duration) bool {
	return a.BootID != b.BootID || (b.drift()-a.drift()).Abs() > skew
}

func byEngine(a, b EngineMemory) int {
	switch {
	case a.Engine < b.Engine:
		return -1
	case a.Engine > b.Engine:
		return 1
	}
	return 0
}

// merge is the newer of two memories field by field, so that writers may finish in any order.
func (m Memory) merge(o Memory) Memory {
	m.Sequence = max(m.Sequence, o.Sequence)
	m.Statements = max(m.Statements, o.Statements)
	if o.SeenSize > m.SeenSize {
		m.SeenSize, m.SeenRoot = o.SeenSize, o.SeenRoot
	}
	if o.PolicyNumber > m.PolicyNumber {
		m.PolicyNumber, m.PolicyHash = o.PolicyNumber, o.PolicyHash
	}
	engines := slices.Clone(m.Engines)
	for _, e := range o.Engines {
		at, found := slices.BinarySearchFunc(engines, e, byEngine)
		switch {
		case !found:
			engines = slices.Insert(engines, at, e)
		case e.Sequence > engines[at].Sequence:
			engines[at] = e
		}
	}
	m.Engines = engines
	return m
}

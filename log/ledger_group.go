package log

import (
	"slices"
)

// groups are all valid group statements. Each name has a line of them: one in
// force, later ones waiting, earlier ones gone.
type groups struct {
	byHash map[Hash]*groupState
	lines  map[string][]*groupState // by name, in the order of their numbers
}

type groupState struct {
	GroupInfo
	waiting
	members map[string]Key // by the check-in key's keyid
}

func newGroups() groups {
	return groups{byHash: map[Hash]*groupState{}, lines: map[string][]*groupState{}}
}

// current is the group of a name that is in force at an index.
func (g *groups) current(name string, index uint64) (*groupState, bool) {
	// The newest first: lines are short, and the one in force is mostly last.
	for _, s := range slices.Backward(g.lines[name]) {
		if s.From <= index && index < s.Until {
			return s, true
		}
	}
	return nil, false
}

// Group is [View].
func (l *Ledger) Group(hash Hash) (GroupInfo, bool) {
	s, ok := l.groups.byHash[hash]
	if !ok {
		return GroupInfo{}, false
	}
	return s.GroupInfo, true
}

// NewestGroup is [View].
func (l *Ledger) NewestGroup(name string) (GroupInfo, bool) {
	line := l.groups.lines[name]
	if len(line) == 0 {
		return GroupInfo{}, false
	}
	return line[len(line)-1].GroupInfo, true
}

// GroupInForce is the group of a name that is in force at Index.
func (l *Ledger) GroupInForce(name string) (GroupInfo, bool) {
	s, ok := l.groups.current(name, l.Index())
	if !ok {
		return GroupInfo{}, false
	}
	return s.GroupInfo, true
}

// MayVote is [View]. A ring that waits for its force may halt already: one more
// way to halt is no loosening. One that is replaced may until its successor is
// in force, which is the delay that a changed group waits.
func (l *Ledger) MayVote(run string, group Hash) bool {
	r, ok := l.runs[run]
	if !ok {
		return false
	}
	g, ok := l.groups.byHash[group]
	return ok && g.Statement.Name == r.groupName && l.Index() < g.Until
}

// applyGroup takes a valid group: the first of its name at once, a changed one
// as a loosening under the delay of its chain's policy.
func (l *Ledger) applyGroup(st *Group, hash Hash) []Effect {
	s := &groupState{GroupInfo: GroupInfo{Hash: hash, Statement: st, Index: l.Index(), From: Forever, Until: Forever}}
	s.waiting.index = l.Index()
	s.members = make(map[string]Key, len(st.Members))
	for _, m := range st.Members {
		k := Key{ID: KeyID(m.Checkin), Role: RoleMember, Name: m.Pseudonym, SPKI: m.Checkin}
		s.members[k.ID] = k
	}
	line := l.groups.lines[st.Name]
	l.groups.byHash[hash] = s
	l.groups.lines[st.Name] = append(line, s)
	if len(line) == 0 {
		s.From = l.Index()
		return []Effect{GroupInForce{Group: s.GroupInfo, Index: l.Index(), Runs: nil}}
	}
	if r, ok := l.Rules(st.Chain); ok {
		s.delay = r.Delay
	}
	l.groupsWaiting = append(l.groupsWaiting, s)
	return nil
}

// anchorGroups moves the waiting groups on by one valid anchor.
func (l *Ledger) anchorGroups(a AnchorInfo) []Effect {
	var effects []Effect
	keep := l.groupsWaiting[:0:0]
	blocked := map[string]bool{}
	for _, s := range l.groupsWaiting {
		name := s.Statement.Name
		if !s.due(a) || blocked[name] {
			// In their own order: a later one says that it follows this one.
			blocked[name] = true
			keep = append(keep, s)
			continue
		}
		if old, ok := l.groups.current(name, a.Index); ok {
			old.Until = a.Index
		}
		s.From = a.Index
		effects = append(effects, GroupInForce{Group: s.GroupInfo, Index: a.Index, Runs: l.liveRunsOf(name)})
	}
	l.groupsWaiting = keep
	return effects
}

func (l *Ledger) liveRunsOf(group string) []string {
	var runs []string
	for id, r := range l.runs {
		if r.groupName == group && !r.ended() {
			runs = append(runs, id)
		}
	}
	slices.Sort(runs)
	return runs
}

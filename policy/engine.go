package policy

import "slices"

// engine is true when fewer than the quorum of chains hold a go-on verdict for
// the run that is younger than the dwell. The deciding chain is one of them.
type engine struct{}

func (engine) name() string           { return "engine" }
func (engine) mode(d *Document) Mode  { return d.Engine.Mode }
func (engine) lists(d *Document) bool { return d.Engine.Lists }

func (engine) keeps(old, next *Document) bool {
	return next.Engine.DwellMS <= old.Engine.DwellMS && next.Engine.Quorum >= old.Engine.Quorum
}

// judge asks of the newest quorum − 1 other chains the one heard longest ago.
func (engine) judge(x *view) (Cause, bool) {
	others := int(x.rules.doc.Engine.Quorum) - 1
	if others == 0 {
		return Cause{}, false
	}
	start, bound := x.rules.start(x.run, fEngineMode, fEngineQuorum, fEngineDwell), x.rules.doc.Engine.DwellMS
	if _, ok := x.silence(x.run.peer(others), start, bound); !ok {
		return Cause{}, false
	}
	c := Cause{Evidence: []uint64{}, Value: 1, Bound: int64(others) + 1}
	for _, p := range x.run.peers {
		if x.t <= p.at+bound {
			c.Value++
		}
		c.Evidence = append(c.Evidence, p.index)
	}
	slices.Sort(c.Evidence)
	return c, true
}

func (engine) due(x *view) int64 {
	others := int(x.rules.doc.Engine.Quorum) - 1
	if others == 0 {
		return never
	}
	return silent(x.run.peer(others), x.rules.start(x.run, fEngineMode, fEngineQuorum, fEngineDwell), x.rules.doc.Engine.DwellMS)
}

// peer is the n-th newest go-on verdict of other chains, n from 1.
func (x *run) peer(n int) mark {
	if n > len(x.peers) {
		return mark{}
	}
	return x.peers[n-1].mark
}

// heard notes a go-on verdict of another chain. The list is a new one: older
// states hold the old.
func (x *run) heard(engine string, m mark) {
	peers := make([]source, 1, len(x.peers)+1)
	peers[0] = source{name: engine, mark: m}
	for _, p := range x.peers {
		if p.name != engine && len(peers) < MaxEngines {
			peers = append(peers, p)
		}
	}
	x.peers = peers
}

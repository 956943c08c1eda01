package policy

import (
	"slices"
	"sort"
)

// monitors is true when any monitor of the policy is silent beyond its dwell.
type monitors struct{}

func (monitors) name() string           { return "monitors" }
func (monitors) mode(d *Document) Mode  { return d.Monitors.Mode }
func (monitors) lists(d *Document) bool { return d.Monitors.Lists }

func (monitors) keeps(old, next *Document) bool {
	return next.Monitors.DwellMS <= old.Monitors.DwellMS && contains(next.Monitors.Keys, old.Monitors.Keys)
}

// judge cites the last heartbeat of every silent monitor and gives the longest
// silence as value.
func (monitors) judge(x *view) (Cause, bool) {
	start := x.rules.start(x.run, fMonitorMode, fMonitorKeys, fMonitorDwell)
	found := false
	all := Cause{Evidence: []uint64{}}
	for _, key := range x.rules.doc.Monitors.Keys {
		c, ok := x.silence(x.state.monitor(key), start, x.rules.doc.Monitors.DwellMS)
		if !ok {
			continue
		}
		found = true
		all.Evidence = append(all.Evidence, c.Evidence...)
		all.Value, all.Bound = max(all.Value, c.Value), c.Bound
	}
	slices.Sort(all.Evidence)
	return all, found
}

func (monitors) due(x *view) int64 {
	start := x.rules.start(x.run, fMonitorMode, fMonitorKeys, fMonitorDwell)
	t := never
	for _, key := range x.rules.doc.Monitors.Keys {
		t = min(t, silent(x.state.monitor(key), start, x.rules.doc.Monitors.DwellMS))
	}
	return t
}

func findSource(list []source, name string) (int, bool) {
	return sort.Find(len(list), func(i int) int { return compareNames(name, list[i].name) })
}

// monitor is a monitor's last heartbeat.
func (s *State) monitor(key string) mark {
	if i, ok := findSource(s.monitors, key); ok {
		return s.monitors[i].mark
	}
	return mark{}
}

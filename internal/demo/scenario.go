package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// scenario is one way in which a run ends.
type scenario struct {
	name, about string
	policy      []string      // fields over those of basePolicy
	monitors    int           // keys of monitors in the genesis
	life        time.Duration // of the run; 0: the policy's
	hostile     bool
	netns       bool     // the guard has a network of its own
	lab         bool     // a lab then goes its own way with the list
	causes      []string // of the halt, exactly
	spared      bool     // the policy does not list for it
	outages     int      // that the audit prints
	acts        []act    // one run each
}

// act ends a run from outside; it returns when it was done.
type act struct {
	name string
	do   func(ctx context.Context, r *run) (time.Time, error)
}

// lease and grace are those of basePolicy.
const (
	lease = 6 * time.Second
	grace = 3 * time.Second
)

// basePolicy is what the officers sign in every scenario: intervals of seconds,
// where a real run has minutes. They leave a loaded machine with two cores room.
func basePolicy() []string {
	return []string{
		"class." + class + "=8s", "dead_vote.threshold=3", "evaluation_period_ms=500ms", "max_gap_ms=4s",
		"lease.duration_ms=" + lease.String(), "lease.grace_ms=" + grace.String(),
		"witness.max_age_ms=30s", "guard_max_age_ms=45s", "listing_delay_ms=60s",
	}
}

// scenarios are all scenarios, the default first.
func scenarios() []scenario {
	one := func(do func(context.Context, *run) (time.Time, error)) []act { return []act{{do: do}} }
	return []scenario{
		{name: "vote", about: "one member votes", causes: []string{"live_vote"}, lab: true, acts: one(vote)},
		{
			name: "daemon-killed", about: "daemon and witnesses are killed: the lease ends the run", causes: []string{"lease"}, outages: 1,
			policy: []string{"dead_vote.threshold=64"}, acts: one(killDaemon),
		},
		{name: "partition", about: "the guard is cut off", causes: []string{"lease"}, netns: true, acts: one(cut)},
		{name: "dead-vote", about: "the members fall silent", causes: []string{"dead_vote"}, acts: one(silence)},
		{name: "policy-expired", about: "the policy ends, and no other follows", causes: []string{"expiry"}, acts: one(expire)},
		{name: "monitor-silent", about: "one of three monitors falls silent", causes: []string{"monitors"}, monitors: 3, acts: one(hush)},
		{name: "life", about: "the run reaches its maximum life", causes: []string{"life"}, spared: true, life: 30 * time.Second, acts: one(age)},
		{name: "guard-killed", about: "the guard's keeper is killed", causes: []string{"lease"}, acts: one(killGuard)},
		{name: "guard-stopped", about: "keeper, then reaper, are stopped but not killed", causes: []string{"lease"}, acts: []act{{"keeper", stopKeeper}, {"reaper", stopReaper}}},
		{name: "hostile-child", about: "the program attacks its guard, and one member votes", causes: []string{"live_vote"}, hostile: true, acts: one(vote)},
	}
}

// Scenarios are the names of all scenarios, the default first.
func Scenarios() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

func scenarioOf(name string) (scenario, error) {
	all := scenarios()
	i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
	if i < 0 {
		return scenario{}, fmt.Errorf("no scenario %q: there are %s", name, strings.Join(Scenarios(), ", "))
	}
	return all[i], nil
}

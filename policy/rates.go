package policy

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// ErrRates is the family of questions about rates that have no answer here.
var ErrRates = errors.New("failure rates")

// maxRateStates bounds the states of ByChance's recursion, some tens of MiB.
const maxRateStates = 1 << 18

// Assumptions are what failure rates rest on. Probabilities are per member,
// independent of one another.
type Assumptions struct {
	Members   int
	Miss      float64 // that a member who wants to go on misses one check-in
	Recognise float64 // that a member recognises a run that has to stop, and checks in no more
	Vote      float64 // that such a member also casts a live vote in time
	Horizon   time.Duration
	Reaction  time.Duration // within which a run that has to stop has to be stopped
}

// Rates are the two rates that a policy has to keep low.
type Rates struct {
	FalseShutdown    float64 // that a run which may go on is halted within Horizon
	FalseNotShutdown float64 // that a run which has to stop is not halted within Reaction
}

// Rates computes both rates of the votes for a class of runs. The other
// tripwires have bounds instead of rates, see Delays. A tripwire that is not
// enforced does not count.
func (d *Document) Rates(class string, a Assumptions) (Rates, error) {
	interval, ok := d.Interval(class)
	if !ok {
		return Rates{}, fmt.Errorf("%w: class %q is unknown", ErrRates, class)
	}
	ms := interval.Milliseconds()
	window := int(d.DeadVote.window(ms) / ms)
	var r Rates
	threshold := int(d.DeadVote.Threshold)
	if d.DeadVote.Mode == Enforce {
		p, err := ByChance(a.Members, a.Miss, threshold, window, int(a.Horizon/interval))
		if err != nil {
			return Rates{}, err
		}
		r.FalseShutdown = p
	} else {
		threshold = math.MaxInt
	}
	vote := a.Vote
	if d.LiveVote.Mode != Enforce {
		vote = 0
	}
	p, err := Unstopped(a.Members, a.Recognise, vote, threshold, min(window, int(a.Reaction/interval)))
	r.FalseNotShutdown = p
	return r, err
}

func probability(p float64) bool { return p >= 0 && p <= 1 }

// ByChance is the chance that the dead vote trips within horizon intervals
// although everybody means to go on: members miss each check-in with
// probability p, independently, and threshold misses within any window of
// consecutive intervals trip. Due times are taken as aligned. It is exact: a
// recursion over the counts of the last window − 1 intervals.
func ByChance(members int, p float64, threshold, window, horizon int) (float64, error) {
	if members < 0 || members > MaxMembers || !probability(p) || threshold < 1 || window < 1 || horizon < 0 {
		return 0, fmt.Errorf("%w: out of bounds", ErrRates)
	}
	// Vectors of window − 1 counts with a sum below the threshold.
	states := 1.0
	for i := 1; i < window; i++ {
		states *= float64(threshold-1+i) / float64(i)
		if states > maxRateStates {
			return 0, fmt.Errorf("%w: window of %d intervals and threshold %d are too many states", ErrRates, window, threshold)
		}
	}
	misses := binomial(members, p)
	type key string
	alive := map[key]float64{key(make([]byte, 2*(window-1))): 1}
	gone := 0.0
	for range horizon {
		next := make(map[key]float64, len(alive))
		// In order: sums of floating-point numbers depend on theirs.
		for _, k := range slices.Sorted(maps.Keys(alive)) {
			chance := alive[k]
			sum := 0
			for i := 0; i < len(k); i += 2 {
				sum += int(k[i])<<8 | int(k[i+1])
			}
			for n, q := range misses {
				if q == 0 {
					continue
				}
				if sum+n >= threshold {
					gone += chance * q
					continue
				}
				var to key
				if window > 1 {
					to = k[2:] + key([]byte{byte(n >> 8), byte(n)})
				}
				next[to] += chance * q
			}
		}
		alive = next
	}
	return min(gone, 1), nil
}

// Unstopped is the chance that a run which has to stop goes on: every member
// recognises it with probability recognise and is then silent for as many
// intervals, and votes with probability vote. One vote stops it, and so do
// threshold misses.
func Unstopped(members int, recognise, vote float64, threshold, intervals int) (float64, error) {
	if members < 0 || members > MaxMembers || !probability(recognise) || !probability(vote) || threshold < 1 || intervals < 0 {
		return 0, fmt.Errorf("%w: out of bounds", ErrRates)
	}
	total := 0.0
	for k, p := range binomial(members, recognise) {
		if k > 0 && intervals > 0 && k >= (threshold-1)/intervals+1 {
			continue // k × intervals reaches the threshold
		}
		total += p * math.Pow(1-vote, float64(k))
	}
	return min(total, 1), nil
}

// binomial are the chances of 0 to n successes.
func binomial(n int, p float64) []float64 {
	dist := make([]float64, n+1)
	dist[0] = 1
	for i := range n {
		for k := i + 1; k > 0; k-- {
			dist[k] = dist[k]*(1-p) + dist[k-1]*p
		}
		dist[0] *= 1 - p
	}
	return dist
}

// A Delay is how long a tripwire takes at most from its cause to the as_of of
// the decision that halts, while decisions keep within max_gap. A longer gap
// ends the runs by itself (E3).
type Delay struct {
	Tripwire string
	From     string // what the bound counts from
	Bound    time.Duration
}

// Delays bounds every enforced tripwire's detection for a class of runs. silent
// is how many members stop checking in at once; with 0 the dead vote is left
// out. A heartbeat or check-in gets its time with the next decision, up to
// max_gap after it was logged, and the due time that it sets passes unseen for
// at most max_gap more. In its first window a run has the bound from its arming.
func (d *Document) Delays(class string, silent int) ([]Delay, error) {
	interval, ok := d.Interval(class)
	if !ok {
		return nil, fmt.Errorf("%w: class %q is unknown", ErrRates, class)
	}
	gap := d.MaxGapMS
	var list []Delay
	add := func(name string, m Mode, from string, ms int64) {
		if m == Enforce {
			list = append(list, Delay{name, from, time.Duration(ms) * time.Millisecond})
		}
	}
	add("live_vote", d.LiveVote.Mode, "the vote's entry", gap)
	if silent > 0 {
		rounds := (d.DeadVote.Threshold-1)/int64(silent) + 1
		add("dead_vote", d.DeadVote.Mode, "the silent members' last check-in", rounds*interval.Milliseconds()+2*gap)
	}
	add("lease", d.Lease.Mode, "the guard's last heartbeat", d.Lease.DurationMS+d.Lease.GraceMS+2*gap)
	add("monitors", d.Monitors.Mode, "a monitor's last heartbeat", d.Monitors.DwellMS+2*gap)
	add("artefact", d.Artefact.Mode, "the last artefact", d.Artefact.PeriodMS+2*gap)
	add("life", d.Life.Mode, "the end of the run's life", gap)
	add("witness", d.Witness.Mode, "the smallest time of the newest anchor", d.Witness.MaxAgeMS+gap)
	add("engine", d.Engine.Mode, "the other chains' last decisions", d.Engine.DwellMS+2*gap)
	add("expiry", Enforce, "the policy's end", gap)
	return list, nil
}

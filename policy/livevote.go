package policy

// liveVote is true when a live vote was folded in this range.
type liveVote struct{}

func (liveVote) name() string           { return "live_vote" }
func (liveVote) mode(d *Document) Mode  { return d.LiveVote.Mode }
func (liveVote) lists(d *Document) bool { return d.LiveVote.Lists }

func (liveVote) judge(x *view) (Cause, bool) {
	if len(x.run.votes) == 0 {
		return Cause{}, false
	}
	return Cause{Evidence: x.run.votes, Value: int64(len(x.run.votes)), Bound: 1}, true
}

func (liveVote) due(*view) int64 { return never }

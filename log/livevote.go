package log

import "github.com/haltlog/haltlog/internal/dsse"

// LiveVote halts a run. It is signed by one of the group, by a ring signature:
// nobody can tell which. All that the vote binds (log, run, group, expiry,
// nonce) stands in the payload, and the ring signs the pre-authentication
// encoding of it.
type LiveVote struct {
	Origin  string `json:"origin"`
	Run     string `json:"run"`
	Group   Hash   `json:"group"`
	Expires Time   `json:"expires"` // in log time: the newest anchor's smallest time
	Nonce   Bytes  `json:"nonce"`   // 32 random bytes
}

// RingKeyID is the key ID of a group's ring signatures.
func RingKeyID(group Hash) string { return dsse.RingPrefix + group.Hex() }

// Kind is [KindLiveVote].
func (s *LiveVote) Kind() Kind { return KindLiveVote }

func (s *LiveVote) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *LiveVote) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.size("nonce", s.Nonce, 32, 32)
	return c.err
}

// Replay is the run and the nonce, once.
func (s *LiveVote) Replay(string) ReplayKey {
	return ReplayKey{Scope: "livevote/" + s.Run + "/" + s.Nonce.String()}
}

// Void: the run has not ended, the ring is that of the group named, that group
// may vote on the run, and the vote has not expired.
func (s *LiveVote) Void(v View, e Signed) error {
	if _, err := runFor(v, s.Run); err != nil {
		return err
	}
	switch {
	case e.Signer() != RingKeyID(s.Group):
		return void(Forbidden, "the ring is not that of the group named")
	case !v.MayVote(s.Run, s.Group):
		return voidf(Forbidden, "the group may not vote on run %s", s.Run)
	}
	if a, ok := v.NewestAnchor(); ok && a.Min.After(s.Expires.Time()) {
		return void(Conflict, "the vote has expired")
	}
	return nil
}

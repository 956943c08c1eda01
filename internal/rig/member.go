package rig

import (
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

// entry is the member in a group statement.
func (m *Member) entry() (log.Member, error) {
	proof, err := log.Prove(m.Checkin, Origin, log.RoleMember, m.Checkin.SPKI())
	if err != nil {
		return log.Member{}, err
	}
	public := m.Ring.Public()
	return log.Member{
		Pseudonym: m.Pseudonym, Checkin: m.Checkin.SPKI(), CheckinProof: proof, Ring: public[:],
		RingProof: ring.ProvePossession(m.Ring, log.RingContext(Origin, Group, m.Pseudonym)),
	}, nil
}

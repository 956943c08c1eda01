package log

import (
	"slices"
	"strings"

	"github.com/haltlog/haltlog/internal/dsse"
)

// resolve finds the key that a signature of a statement names: a key that was
// ever granted, a guard of the statement's run, a member of its group. Keys
// that are not in force are found too, so that what they sign is void and not
// unverifiable.
func (l *Ledger) resolve(st Statement, keyID string) (Key, bool) {
	if k, ok := l.authority.keys[keyID]; ok {
		return k, true
	}
	if _, ok := st.(*Part); ok {
		k, ok := l.guards[keyID]
		return k, ok
	}
	id, ok := runOf(st)
	if !ok {
		return Key{}, false
	}
	r, ok := l.runs[id]
	if !ok {
		return Key{}, false
	}
	for _, k := range r.guards {
		if k.ID == keyID {
			return k, true
		}
	}
	if _, ok := st.(*Checkin); ok {
		for _, g := range slices.Backward(l.groups.lines[r.groupName]) {
			if k, ok := g.members[keyID]; ok {
				k.From, k.Until = g.From, g.Until
				// A member of an earlier and of the present group is found in
				// the present one.
				if k.InForce(l.Index()) || !l.memberNow(r.groupName, keyID) {
					return k, true
				}
			}
		}
	}
	return Key{}, false
}

func (l *Ledger) memberNow(group, keyID string) bool {
	g, ok := l.groups.current(group, l.Index())
	if !ok {
		return false
	}
	_, ok = g.members[keyID]
	return ok
}

// verify checks every signature of a statement, and returns the keys. An error
// means that the statement takes no identity.
func (l *Ledger) verify(s *Signed) ([]Key, error) {
	pae := s.Envelope.PAE()
	keys := make([]Key, 0, len(s.Envelope.Signatures))
	for _, sig := range s.Envelope.Signatures {
		if hash, ok := strings.CutPrefix(sig.KeyID, dsse.RingPrefix); ok {
			return nil, l.verifyRing(s, hash, pae, sig.Sig)
		}
		k, ok := l.resolve(s.Statement, sig.KeyID)
		if !ok {
			return nil, voidf(Forbidden, "unknown key %s", sig.KeyID)
		}
		if k.Role == RoleEscrow {
			return nil, voidf(Forbidden, "key %s signs nothing", sig.KeyID)
		}
		if err := l.verifier.Verify(k.SPKI, pae, sig.Sig); err != nil {
			return nil, voidf(Forbidden, "signature of %s: %v", sig.KeyID, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// verifyRing checks a live vote's signature. The cheap refusals come first.
func (l *Ledger) verifyRing(s *Signed, hash string, pae, sig []byte) error {
	v, ok := s.Statement.(*LiveVote)
	if !ok || v.Group.Hex() != hash {
		return void(Forbidden, "ring of another group than the vote names")
	}
	g, ok := l.groups.byHash[v.Group]
	if !ok {
		return void(Unknown, "unknown group")
	}
	ring := make([][]byte, len(g.Statement.Members))
	for i, m := range g.Statement.Members {
		ring[i] = m.Ring
	}
	if err := l.verifier.VerifyRing(ring, pae, sig); err != nil {
		return voidf(Forbidden, "ring signature: %v", err)
	}
	return nil
}

// authorise holds the verified signers against the kind's table: roles in
// force, or exactly the officers' threshold.
func (l *Ledger) authorise(s *Signed, signers []Key) error {
	info, _ := Info(s.Kind())
	switch info.Signing {
	case SignedNobody:
		return nil
	case SignedRing:
		// Which ring may vote for which run is the kind's own rule.
		return nil
	}
	for _, k := range signers {
		if !k.InForce(l.Index()) {
			return voidf(Forbidden, "key %s of %s is not in force", k.ID, k.Name)
		}
		kind, roles := s.Kind(), info.Roles
		if part, ok := s.Statement.(*Part); ok {
			// Who may not sign the whole takes no room with its parts.
			whole, _ := Info(part.Of)
			kind, roles = part.Of, whole.Roles
		}
		if !slices.Contains(roles, k.Role) {
			return voidf(Forbidden, "a key of role %s does not sign kind %s", k.Role, kind)
		}
	}
	if info.Signing == SignedThreshold && len(signers) != l.Threshold() {
		return voidf(Forbidden, "%d officers signed, the threshold is %d", len(signers), l.Threshold())
	}
	return nil
}

// prove checks the possession proofs that a statement brings for new keys, so
// that nobody enrols another's key, or one made of others' keys.
func (l *Ledger) prove(st Statement, origin string) error {
	grant := func(role Role, spki, proof []byte) error {
		if role == RoleEscrow {
			return nil
		}
		if err := l.verifier.Verify(spki, PossessionMessage(origin, role, spki), proof); err != nil {
			return voidf(Forbidden, "possession proof of %s: %v", KeyID(spki), err)
		}
		return nil
	}
	var grants []KeyGrant
	switch st := st.(type) {
	case *Genesis:
		grants = st.Keys
	case *Authority:
		grants = st.Add
	case *Run:
		for _, g := range st.Guards {
			if err := grant(RoleGuard, g.SPKI, g.Proof); err != nil {
				return err
			}
		}
	case *Group:
		for _, m := range st.Members {
			if err := grant(RoleMember, m.Checkin, m.CheckinProof); err != nil {
				return err
			}
			context := RingContext(origin, st.Name, m.Pseudonym)
			if err := l.verifier.VerifyRingKeyProof(m.Ring, context, m.RingProof); err != nil {
				return voidf(Forbidden, "possession proof of the ring key of %s: %v", m.Pseudonym, err)
			}
		}
	}
	for _, g := range grants {
		if err := grant(g.Role, g.SPKI, g.Proof); err != nil {
			return err
		}
	}
	return nil
}

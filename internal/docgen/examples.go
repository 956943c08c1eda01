package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// examples are the worked examples of the protocol, by the name of their block.
// Each is computed whenever it is printed.
type examples struct {
	samples map[log.Kind]*log.Signed
	root    string
}

func newExamples(root string) (*examples, error) {
	x := &examples{samples: map[log.Kind]*log.Signed{}, root: root}
	for _, i := range log.Kinds() {
		s, err := golden(root, i.Kind)
		if err != nil {
			return nil, err
		}
		x.samples[i.Kind] = s
	}
	return x, nil
}

func (x *examples) blocks() map[string]func() (string, error) {
	return map[string]func() (string, error){
		"envelope":     x.envelope,
		"keys":         x.keys,
		"hashes":       x.hashes,
		"anchor":       x.anchor,
		"bounds":       x.bounds,
		"verdict-root": verdictRoot,
		"dead-vote":    deadVote,
		"log-time":     logTime,
		"labels":       labels,
		"epoch":        epoch,
		"tensor":       tensor,
		"routes":       x.routesBlock,
		"clock":        clock,
	}
}

// leafHash is RFC 6962's.
func leafHash(leaf []byte) [32]byte { return sha256.Sum256(append([]byte{0}, leaf...)) }

// rows prints names and values, one under the other.
func rows(pairs ...[2]string) string {
	var b strings.Builder
	for _, p := range pairs {
		fmt.Fprintf(&b, "%s\n    %s\n", p[0], p[1])
	}
	return code("text", b.String())
}

// envelope takes the golden check-in apart.
func (x *examples) envelope() (string, error) {
	s := x.samples[log.KindCheckin]
	member, err := x.member(s.Signer())
	if err != nil {
		return "", err
	}
	pae := s.Envelope.PAE()
	if err := keys.NewVerifier().Verify(member.Checkin, pae, s.Envelope.Signatures[0].Sig); err != nil {
		return "", fmt.Errorf("signature of the golden check-in: %w", err)
	}
	if printed := checkTemplate(s.Envelope); printed != string(s.Leaf) {
		return "", fmt.Errorf("the template gives\n%s\nthe golden check-in is\n%s", printed, s.Leaf)
	}
	leaf := leafHash(s.Leaf)
	return rows(
		[2]string{"payload", string(s.Envelope.Payload)},
		[2]string{"envelope, which is the leaf: " + fmt.Sprint(len(s.Leaf)) + " bytes", string(s.Leaf)},
		[2]string{"pre-authentication encoding, which is signed: " + fmt.Sprint(len(pae)) + " bytes", string(pae)},
		[2]string{"public key of the signer (member " + member.Pseudonym + " of the golden group), hex of the SPKI", hex.EncodeToString(member.Checkin)},
		[2]string{"keyid = hex(SHA-256(SPKI))", log.KeyID(member.Checkin)},
		[2]string{"identity, hex", s.Identity.Hex()},
		[2]string{"leaf hash = SHA-256(0x00 ‖ leaf), hex", hex.EncodeToString(leaf[:])},
	), nil
}

// member finds the golden group's member by his check-in key.
func (x *examples) member(keyID string) (log.Member, error) {
	g, ok := x.samples[log.KindGroup].Statement.(*log.Group)
	if !ok {
		return log.Member{}, errors.New("the golden group is none")
	}
	m, ok := g.MemberByKey(keyID)
	if !ok {
		return m, fmt.Errorf("key %s is no member's", keyID)
	}
	return m, nil
}

// keys shows a key, its keyid and its possession proof.
func (x *examples) keys() (string, error) {
	g, ok := x.samples[log.KindGenesis].Statement.(*log.Genesis)
	if !ok {
		return "", errors.New("the golden genesis is none")
	}
	for _, k := range g.Keys {
		if k.Role != log.RoleOfficer {
			continue
		}
		message := log.PossessionMessage(g.Origin, k.Role, k.SPKI)
		if err := keys.NewVerifier().Verify(k.SPKI, message, k.Proof); err != nil {
			return "", fmt.Errorf("possession proof of %s: %w", k.Name, err)
		}
		return rows(
			[2]string{"officer " + k.Name + ", SPKI in hex", hex.EncodeToString(k.SPKI)},
			[2]string{"keyid", log.KeyID(k.SPKI)},
			[2]string{"possession message, hex", hex.EncodeToString(message)},
			[2]string{"possession proof: an Ed25519 signature over it, hex", hex.EncodeToString(k.Proof)},
		), nil
	}
	return "", errors.New("the golden genesis has no officer")
}

// hashes recomputes every named hash from the golden samples, by hand and not
// by the functions that the program uses, and holds both against each other.
func (x *examples) hashes() (string, error) {
	plain := func(tag string, data []byte) log.Hash { return sha256.Sum256(append([]byte(tag), data...)) }
	genesis := x.samples[log.KindGenesis].Leaf
	group := x.samples[log.KindGroup].Envelope.Payload
	document, ok := x.samples[log.KindPolicy].Statement.(*log.Policy)
	vote, ok2 := x.samples[log.KindLiveVote].Statement.(*log.LiveVote)
	if !ok || !ok2 {
		return "", errors.New("a golden sample is of another kind")
	}
	for _, h := range []struct {
		name      string
		got, want log.Hash
	}{
		{"genesis", plain("haltlog/genesis/v1\n", genesis), log.GenesisHash(genesis)},
		{"group", plain("haltlog/group/v1\n", group), log.GroupHash(group)},
		{"policy", plain("haltlog/policy/v1\n", document.Document), log.PolicyHash(document.Document)},
		{"live vote's group", vote.Group, log.GroupHash(group)},
	} {
		if h.got != h.want {
			return "", fmt.Errorf("hash of the %s: %s and %s", h.name, h.got.Hex(), h.want.Hex())
		}
	}
	return rows(
		[2]string{"genesis hash, of the bytes of genesis.json", log.GenesisHash(genesis).Hex()},
		[2]string{"group hash, of the payload in group.json", log.GroupHash(group).Hex()},
		[2]string{"the same in JSON, as the payload of livevote.json names it", vote.Group.String()},
		[2]string{"keyid of livevote.json", log.RingKeyID(vote.Group)},
		[2]string{"policy document of policy.json", string(document.Document)},
		[2]string{"its hash", log.PolicyHash(document.Document).Hex()},
	), nil
}

// anchor shows the golden anchor's note.
func (x *examples) anchor() (string, error) {
	a, ok := x.samples[log.KindAnchor].Statement.(*log.Anchor)
	if !ok {
		return "", errors.New("the golden anchor is none")
	}
	var b strings.Builder
	b.Write(a.Checkpoint)
	for line := range strings.Lines(string(a.Checkpoint)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "—" || !strings.HasPrefix(fields[1], "witness.") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(fields[2])
		if err != nil || len(raw) < 12 {
			return "", fmt.Errorf("cosignature line %q", line)
		}
		seconds := log.Time(0)
		for _, c := range raw[4:12] {
			seconds = seconds<<8 | log.Time(c)
		}
		fmt.Fprintf(&b, "\n%s: key ID %x, time %d = %s", fields[1], raw[:4], seconds, seconds*1000)
	}
	return code("text", b.String()), nil
}

// checkTemplate prints an envelope by the template as the text gives it.
func checkTemplate(e dsse.Envelope) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"payload":"%s","payloadType":"%s","signatures":[`, base64.StdEncoding.EncodeToString(e.Payload), e.PayloadType)
	for i, s := range e.Signatures {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"keyid":"%s","sig":"%s"}`, s.KeyID, base64.StdEncoding.EncodeToString(s.Sig))
	}
	b.WriteString(`]}`)
	return b.String()
}

// bounds lists log/limits.go.
func (x *examples) bounds() (string, error) {
	list, err := constants(filepath.Join(x.root, "log", "limits.go"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	var cells [][]string
	for _, c := range list {
		cells = append(cells, []string{"`" + c.name + "`", c.value, c.doc})
	}
	table(&b, []string{"bound", "value", "why"}, cells)
	return b.String(), nil
}

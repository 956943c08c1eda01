package log_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/log"
)

// fuzzKind holds for one kind that whatever payload is accepted is what the
// encoder prints for what was read, so that no statement has two encodings.
func fuzzKind(f *testing.F, k log.Kind) {
	s := samples(f)[k]
	payload, err := log.Encode(s.st)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add(append([]byte(" "), payload...))
	f.Add(bytes.Replace(payload, []byte(":"), []byte(": "), 1))
	f.Add(bytes.Replace(payload, []byte(`"origin"`), []byte(`"\u006frigin"`), 1))
	f.Add(bytes.Replace(payload, []byte(`null`), []byte(`0`), 1))
	f.Add(bytes.Replace(payload, []byte(`1`), []byte(`1.0`), 1))
	f.Add(bytes.Replace(payload, []byte(`{`), []byte(`{"a":0,`), 1))
	signed, err := parse(k, s.seal(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		st, err := log.Decode(k, payload)
		if err != nil {
			if s, ok := errors.AsType[*log.SyntaxError](err); !ok || s.Place == "" {
				t.Fatalf("no place: %v", err)
			}
			return
		}
		again, err := log.Encode(st)
		if err != nil || !bytes.Equal(again, payload) {
			t.Fatalf("accepted %q, printed %q, %v", payload, again, err)
		}
		st.Replay("key")
		e := dsse.Envelope{Payload: payload, PayloadType: k.Type(), Signatures: signed.Envelope.Signatures}
		raw, err := e.Format(dsse.MaxLeaf)
		if err != nil {
			return
		}
		if _, err := parse(k, raw); err != nil {
			t.Fatalf("payload accepted, envelope around it refused: %v", err)
		}
	})
}

// FuzzParse holds the same for whole leaves.
func FuzzParse(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.seal(f))
	}
	f.Fuzz(func(t *testing.T, leaf []byte) {
		s, err := log.Parse(leaf)
		if err != nil {
			if !errors.Is(err, log.ErrSyntax) {
				t.Fatalf("not a syntax error: %v", err)
			}
			return
		}
		payload, err := log.Encode(s.Statement)
		if err != nil {
			t.Fatal(err)
		}
		e := dsse.Envelope{Payload: payload, PayloadType: s.Kind().Type(), Signatures: s.Envelope.Signatures}
		again, err := log.Assemble(e)
		if err != nil || !bytes.Equal(again, leaf) {
			t.Fatalf("accepted %q, printed %q, %v", leaf, again, err)
		}
	})
}

func FuzzGenesis(f *testing.F)      { fuzzKind(f, log.KindGenesis) }
func FuzzAuthority(f *testing.F)    { fuzzKind(f, log.KindAuthority) }
func FuzzPolicy(f *testing.F)       { fuzzKind(f, log.KindPolicy) }
func FuzzGroup(f *testing.F)        { fuzzKind(f, log.KindGroup) }
func FuzzRun(f *testing.F)          { fuzzKind(f, log.KindRun) }
func FuzzCheckin(f *testing.F)      { fuzzKind(f, log.KindCheckin) }
func FuzzLiveVote(f *testing.F)     { fuzzKind(f, log.KindLiveVote) }
func FuzzHeartbeat(f *testing.F)    { fuzzKind(f, log.KindHeartbeat) }
func FuzzArtefact(f *testing.F)     { fuzzKind(f, log.KindArtefact) }
func FuzzAnchor(f *testing.F)       { fuzzKind(f, log.KindAnchor) }
func FuzzDecision(f *testing.F)     { fuzzKind(f, log.KindDecision) }
func FuzzHalt(f *testing.F)         { fuzzKind(f, log.KindHalt) }
func FuzzClose(f *testing.F)        { fuzzKind(f, log.KindClose) }
func FuzzActuation(f *testing.F)    { fuzzKind(f, log.KindActuation) }
func FuzzFingerprints(f *testing.F) { fuzzKind(f, log.KindFingerprints) }
func FuzzEpoch(f *testing.F)        { fuzzKind(f, log.KindEpoch) }
func FuzzEvaluations(f *testing.F)  { fuzzKind(f, log.KindEvaluations) }
func FuzzAllowList(f *testing.F)    { fuzzKind(f, log.KindAllowList) }
func FuzzStrike(f *testing.F)       { fuzzKind(f, log.KindStrike) }
func FuzzFreeze(f *testing.F)       { fuzzKind(f, log.KindFreeze) }
func FuzzContest(f *testing.F)      { fuzzKind(f, log.KindContest) }
func FuzzDeal(f *testing.F)         { fuzzKind(f, log.KindDeal) }
func FuzzComplaint(f *testing.F)    { fuzzKind(f, log.KindComplaint) }
func FuzzRotation(f *testing.F)     { fuzzKind(f, log.KindRotation) }
func FuzzPart(f *testing.F)         { fuzzKind(f, log.KindPart) }
func FuzzLeaseRequest(f *testing.F) { fuzzKind(f, log.KindLeaseRequest) }
func FuzzLease(f *testing.F)        { fuzzKind(f, log.KindLease) }

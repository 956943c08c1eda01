package log_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/log"
)

var record = flag.Bool("record", false, "write golden samples that are missing; never changes one")

func goldenPath(k log.Kind) string { return filepath.Join("testdata", "golden", string(k)+".json") }

// TestGolden holds that every kind's recorded sample is still what the encoder
// prints, and is still read as the same statement.
func TestGolden(t *testing.T) {
	t.Attr("invariant", "S1")
	all := samples(t)
	for _, k := range kindList() {
		t.Run(string(k), func(t *testing.T) {
			s, ok := all[k]
			if !ok {
				t.Fatal("no sample")
			}
			leaf := s.seal(t)
			want, err := os.ReadFile(goldenPath(k))
			if errors.Is(err, os.ErrNotExist) && *record {
				want, err = leaf, os.WriteFile(goldenPath(k), leaf, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(leaf, want) {
				t.Errorf("encoder prints\n%s\nrecorded is\n%s", leaf, want)
			}
			got, err := parse(k, want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.st, got.Statement); diff != "" {
				t.Errorf("read otherwise (-want +got):\n%s", diff)
			}
			if got.Kind() != k || log.OriginOf(got.Statement) != origin || !bytes.Equal(got.Leaf, want) {
				t.Errorf("kind %s, origin %s", got.Kind(), log.OriginOf(got.Statement))
			}
		})
	}
}

// TestTable holds that the table of kinds is whole: a sample for each, a rule
// in words, roles where keys sign.
func TestTable(t *testing.T) {
	all := samples(t)
	seen := map[log.Kind]bool{}
	for _, i := range log.Kinds() {
		if seen[i.Kind] || all[i.Kind].st == nil || i.New().Kind() != i.Kind {
			t.Errorf("%s: twice, without sample, or of another kind", i.Kind)
		}
		seen[i.Kind] = true
		if i.Replay == "" || i.Says == "" || i.VoidIf == "" || i.Lane == "" {
			t.Errorf("%s: incomplete row", i.Kind)
		}
		if alone := i.Signing == log.SignedAlone || i.Signing == log.SignedThreshold; alone != (len(i.Roles) > 0) {
			t.Errorf("%s: signed %s by %v", i.Kind, i.Signing, i.Roles)
		}
		if i.Parts && i.Signing != log.SignedAlone && i.Signing != log.SignedThreshold {
			t.Errorf("%s: parts need a key that signs the whole", i.Kind)
		}
	}
	fast := []log.Kind{
		log.KindLiveVote, log.KindCheckin, log.KindHeartbeat, log.KindHalt, log.KindDecision, log.KindAnchor,
		log.KindActuation, log.KindClose, log.KindArtefact, log.KindFingerprints, log.KindEpoch, log.KindAuthority,
	}
	for _, k := range fast {
		if log.LaneOf(all[k].st) != log.LaneFast {
			t.Errorf("%s waits behind bulk", k)
		}
	}
	if log.LaneOf(&log.Part{Of: log.KindArtefact}) != log.LaneFast || log.LaneOf(&log.Part{Of: log.KindAllowList}) != log.LaneBulk {
		t.Error("a part does not take its whole's lane")
	}
}

// TestRefusedByName holds that kinds of later versions are told apart from
// nonsense.
func TestRefusedByName(t *testing.T) {
	for _, k := range log.Refused() {
		e := dsse.Envelope{Payload: []byte("{}"), PayloadType: k.Type(), Signatures: []dsse.Signature{}}
		raw, err := e.Format(dsse.MaxLeaf)
		if err != nil {
			t.Fatal(err)
		}
		_, err = log.Parse(raw)
		if !errors.Is(err, log.ErrRefusedKind) || !errors.Is(err, log.ErrSyntax) || !strings.Contains(err.Error(), "kind "+string(k)+" is not served by this version") {
			t.Errorf("%s: %v", k, err)
		}
	}
	g := samples(t)[log.KindGroup].st.(*log.Group)
	g.Method = log.MethodLot
	if err := g.Validate(); !errors.Is(err, log.ErrRefusedKind) {
		t.Errorf("lot: %v", err)
	}
	for _, typ := range []string{"application/json", "application/vnd.haltlog..v1+json", "application/vnd.haltlog.run.v2+json", "application/vnd.haltlog.Run.v1+json"} {
		raw, err := dsse.Envelope{PayloadType: typ}.Format(dsse.MaxLeaf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Parse(raw); !errors.Is(err, log.ErrSyntax) || errors.Is(err, log.ErrRefusedKind) {
			t.Errorf("%s: %v", typ, err)
		}
	}
	for _, k := range []log.Kind{log.KindLease, log.KindLeaseRequest} {
		if _, err := log.Parse(samples(t)[k].seal(t)); !errors.Is(err, log.ErrSyntax) {
			t.Errorf("%s as a leaf: %v", k, err)
		}
	}
	if _, err := log.ParseMessage(samples(t)[log.KindRun].seal(t)); !errors.Is(err, log.ErrSyntax) {
		t.Errorf("run as a message: %v", err)
	}
}

package labcheck_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/labcheck"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// collide publishes an epoch whose lookup list of tensors has the 64 bits of a label that
// is not listed: nobody finds such a label, so the engine's key has to help.
func collide(t *testing.T, l *foldtest.Log, s *trusttest.Server, foreign blacklist.Label) {
	t.Helper()
	set := l.Machine.List()
	var raw []byte
	var ok bool
	for _, step := range l.Steps {
		if step.Signed == nil {
			continue
		}
		if e, is := step.Signed.Statement.(*log.Epoch); is {
			raw, ok = set.Object(blacklist.Hash(*e.State))
		}
	}
	state, err := blacklist.ParseState(raw)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	state.Number, state.Size = 2, l.Size()
	objects := map[blacklist.Hash][]byte{}
	for i, p := range state.Parts {
		// The log's fold drops what stood before an epoch that it cannot make.
		for _, c := range p.Commitments {
			if b, ok := set.Object(c.Hash); ok {
				objects[c.Hash] = b
			}
		}
		if p.Part.Kind != fingerprint.Tensor {
			continue
		}
		hash, _ := p.Hash(blacklist.CommitFull)
		raw, _ := set.Object(hash)
		full, err := blacklist.ParseFullList(raw)
		if err != nil {
			t.Fatal(err)
		}
		forged := blacklist.NewLookupList(p.Part, p.KeyVersion, append(slices.Clone(full.Labels), foreign))
		objects[forged.Hash()] = forged.Marshal()
		state.Parts[i].Commitments = slices.Clone(p.Commitments)
		for j := range state.Parts[i].Commitments {
			if c := &state.Parts[i].Commitments[j]; c.Name == blacklist.CommitLookup {
				c.Hash = forged.Hash()
			}
		}
	}
	objects[state.Hash()] = state.Marshal()
	l.Put(&log.Epoch{
		Origin: l.Origin, Number: 2, Size: state.Size, Semantics: 2, Parts: []log.EpochPart{},
		State: new(log.Hash(state.Hash())), Asked: []uint64{1},
	}, l.Engines[0])
	index := l.Size() - 1
	l.Anchor()
	h, _ := s.Head(0)
	h.Number, h.Index, h.Size = 2, index, state.Size
	h.Entries = []api.HeadEntry{{Index: index, Leaf: l.Leaves[index], Proof: string(s.Proof(index))}}
	s.Lock()
	defer s.Unlock()
	s.Override = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == api.RouteHead || r.URL.Path == "/v1/blacklist/heads/2" {
			_ = json.NewEncoder(w).Encode(h)
			return true
		}
		for hash, b := range objects {
			if strings.HasSuffix(r.URL.Path, log.Hash(hash).Hex()) {
				_, _ = w.Write(b)
				return true
			}
		}
		return false
	}
}

// prover answers with trees of labels of its own choice, and no objects.
type prover struct {
	trees map[string]*blacklist.Tree
	asked int
}

func (p *prover) Bucket(_ context.Context, _ uint64, kind, prefix string, bits int, bucket uint32) ([]byte, error) {
	p.asked++
	tree := p.trees[kind+"/"+prefix]
	if tree == nil {
		return nil, client.ErrNotFound
	}
	b, ok := tree.Bucket(bits, bucket)
	if !ok {
		return nil, client.ErrNotFound
	}
	return b.Marshal(tree.Count()), nil
}

func (*prover) Object(context.Context, [32]byte) ([]byte, error) { return nil, client.ErrNotFound }

// TestLookup is LC6: a lookup list's hit is reported once it is proven, and one that is
// none, of another model with the same 64 bits, is neither reported nor shown to anybody.
func TestLookup(t *testing.T) {
	t.Attr("invariant", "LC6")
	l, s, entries := halted(t)
	stranger := model(t, "b.safetensors", tensor("x", 7))
	copied := model(t, "b.safetensors", tensor("x", 1), tensor("y", 2), tensor("z", 3))
	var foreign blacklist.Label
	for _, q := range blacklist.Questions(stranger) {
		if q.Kind == fingerprint.Tensor {
			y, err := s.Evaluator.Label(q.Input)
			if err != nil {
				t.Fatal(err)
			}
			foreign = y
		}
	}
	collide(t, l, s, foreign)
	dir := t.TempDir()
	if _, err := listsync.Sync(t.Context(), listsync.Config{
		Dir: dir, Genesis: new(log.GenesisHash(l.Leaves[0])), LookupOnly: true, Now: func() time.Time { return l.Now },
	}, []listsync.Source{{Name: "mirror", Log: client.NewPlain(s.Client(t))}}); err != nil {
		t.Fatal(err)
	}
	held, err := listsync.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if held.Exact || held.Number != 2 || !held.Contains(fingerprint.Tensor, 1, foreign) {
		t.Fatal("no collision to refute")
	}
	true1, false1 := &prover{trees: map[string]*blacklist.Tree{}}, &prover{trees: map[string]*blacklist.Tree{}}
	by := map[string][]blacklist.Label{}
	for _, e := range entries {
		by[string(e.Kind)+"/"] = append(by[string(e.Kind)+"/"], e.Label)
	}
	for at, ls := range by {
		true1.trees[at] = blacklist.NewTree(ls...)
		// As many labels, and the stranger's among them.
		false1.trees[at] = blacklist.NewTree(append([]blacklist.Label{foreign}, ls[1:]...)...)
	}
	o := open(t, l, s)
	for _, c := range []struct {
		name    string
		provers []labcheck.Prover
		want    error
	}{
		{"nobody to ask", nil, labcheck.ErrUnconfirmed},
		{"nothing there", []labcheck.Prover{&prover{}}, labcheck.ErrUnconfirmed},
		{"another list", []labcheck.Prover{false1}, labcheck.ErrUnconfirmed},
		{"buckets", []labcheck.Prover{true1}, nil},
		{"plain files", []labcheck.Prover{s.Client(t)}, nil},
		{"another list first", []labcheck.Prover{false1, s.Client(t)}, nil},
	} {
		s.Lock()
		s.Paths = nil
		s.Unlock()
		checker := labcheck.New(o, s.Client(t), labcheck.Synced(held), labcheck.Options{Origin: l.Origin, Provers: c.provers})
		r, err := checker.Check(t.Context(), stranger)
		if !errors.Is(err, c.want) || err == nil && (r.Verdict != blacklist.Clear || len(r.Matches) > 0) {
			t.Errorf("%s: the stranger: %+v %v", c.name, r, err)
		}
		if slices.ContainsFunc(s.Paths, func(p string) bool { return strings.Contains(p, "/labels/") }) {
			t.Errorf("%s: the stranger's label was shown", c.name)
		}
		r, err = checker.Check(t.Context(), copied)
		if !errors.Is(err, c.want) || err == nil && (r.Verdict != blacklist.Listed || !r.Matches[0].Proven || r.Matches[0].Tensors != 3) {
			t.Errorf("%s: the copy: %+v %v", c.name, r, err)
		}
	}
	if true1.asked == 0 || false1.asked == 0 {
		t.Error("no bucket was asked for")
	}
}

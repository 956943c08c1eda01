package mirror

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// list is what is to be published of the blacklist once its objects are there.
type list struct {
	heads   []api.Head // not yet published, oldest first
	passing []string   // hashes of objects that the next epoch may replace
	state   blacklist.State
}

func headName(number uint64) string {
	return strings.Replace(api.RouteHeadOf, "{number}", strconv.FormatUint(number, 10), 1)
}

// newest is the number of the mirrored head; 0 before the first.
func (m *Mirror) newest() (uint64, error) {
	raw, err := m.files.read(api.RouteHead)
	if err != nil || raw == nil {
		return 0, err
	}
	var h api.Head
	if err := json.Unmarshal(raw, &h); err != nil {
		return 0, fmt.Errorf("mirrored head: %w", err)
	}
	return h.Number, nil
}

// list verifies every epoch since the mirrored one and fetches what it commits to.
func (m *Mirror) list(ctx context.Context, l *trust.Log, served api.Head) (list, error) {
	var out list
	have, err := m.newest()
	if err != nil {
		return out, err
	}
	if served.Number < have {
		return out, fmt.Errorf("epoch %d, %d is mirrored: %w", served.Number, have, ErrOlder)
	}
	if m.rebuild {
		have = 0
	}
	since := map[address][]blacklist.Delta{}
	for n := have + 1; n <= served.Number; n++ {
		h := served
		if n < served.Number {
			if h, err = m.log.HeadOf(ctx, n); err != nil {
				return out, fmt.Errorf("head of epoch %d: %w", n, err)
			}
		}
		e, p, err := listsync.Prove(ctx, l, m.log, h)
		if errors.Is(err, listsync.ErrFirst) {
			continue // nothing but the daemon can serve it
		}
		if err != nil {
			return out, fmt.Errorf("epoch %d: %w", n, err)
		}
		if p.Statement.Number != n {
			return out, fmt.Errorf("head of epoch %d is of %d: %w", n, p.Statement.Number, trust.ErrUnverified)
		}
		var deltas [][32]byte
		for _, part := range p.Epoch.Parts {
			for _, c := range part.Commitments {
				if c.Name == blacklist.CommitDeltaFull {
					deltas = append(deltas, c.Hash)
				}
			}
		}
		if err := listsync.Gather(ctx, deltas, m.object); err != nil {
			return out, fmt.Errorf("deltas of epoch %d: %w", n, err)
		}
		if err := m.collect(since, p.Epoch.Parts); err != nil {
			return out, fmt.Errorf("deltas of epoch %d: %w", n, err)
		}
		if n == served.Number {
			if out.passing, out.state, err = m.whole(ctx, p, since); err != nil {
				return out, err
			}
		}
		out.heads = append(out.heads, e.Epoch)
	}
	return out, nil
}

// collect reads the deltas of an epoch.
func (m *Mirror) collect(since map[address][]blacklist.Delta, parts []blacklist.PartEpoch) error {
	for _, p := range parts {
		hash, ok := p.Hash(blacklist.CommitDeltaFull)
		if !ok {
			continue
		}
		raw, err := m.objects.Get(hash)
		if err != nil {
			return err
		}
		d, err := blacklist.ParseDelta(raw)
		if err == nil {
			err = p.CheckDelta(d)
		}
		if err != nil {
			return fmt.Errorf("%v: %w: %w", p.Part, trust.ErrUnverified, err)
		}
		a := address{p.Part, p.KeyVersion}
		since[a] = append(since[a], d)
	}
	return nil
}

// whole brings here what the newest epoch commits to, and that a later one may replace:
// by the deltas since the mirrored one where they lead to it.
func (m *Mirror) whole(ctx context.Context, p listsync.Proven, since map[address][]blacklist.Delta) ([]string, blacklist.State, error) {
	if err := m.object(ctx, p.Epoch.State); err != nil {
		return nil, blacklist.State{}, fmt.Errorf("state document: %w", err)
	}
	raw, err := m.objects.Get(p.Epoch.State)
	if err != nil {
		return nil, blacklist.State{}, err
	}
	state, err := blacklist.ParseState(raw)
	if err != nil || state.Number != p.Statement.Number || state.Size != p.Statement.Size {
		return nil, blacklist.State{}, fmt.Errorf("state document of epoch %d: %w: %w", p.Statement.Number, trust.ErrUnverified, errors.Join(err))
	}
	out := []string{hex.EncodeToString(p.Epoch.State[:])}
	// The newest epoch's parts commit to its deltas too; what changed in the epochs
	// before it alone is in the state.
	if err := errors.Join(m.derive(p.Epoch.Parts, since), m.derive(state.Parts, since)); err != nil {
		return nil, blacklist.State{}, err
	}
	var hashes [][32]byte
	for _, part := range slices.Concat(state.Parts, p.Epoch.Parts) {
		for _, c := range part.Commitments {
			switch c.Name {
			case blacklist.CommitRoot, blacklist.CommitDeltaRoot, blacklist.CommitDeltaFull:
				continue // no object, or one that stays
			}
			hashes = append(hashes, c.Hash)
			out = append(out, hex.EncodeToString(c.Hash[:]))
		}
	}
	if err := listsync.Gather(ctx, hashes, m.object); err != nil {
		return nil, blacklist.State{}, fmt.Errorf("epoch %d: %w", p.Statement.Number, err)
	}
	slices.Sort(out)
	return slices.Compact(out), state, nil
}

// object fetches an object by its hash, going on where an interrupted fetch ended.
func (m *Mirror) object(ctx context.Context, hash [32]byte) error {
	if m.rebuild {
		if _, err := m.objects.Get(hash); errors.Is(err, listsync.ErrDamaged) && m.objects.Has(hash) {
			if err := os.Remove(m.objects.Path(hash)); err != nil {
				return err
			}
		}
	}
	_, err := m.objects.Fetch(ctx, hash, maxObject, m.log.ObjectFrom)
	if errors.Is(err, listsync.ErrOther) {
		return fmt.Errorf("object %s: %w: %w", log.Hash(hash).Hex(), trust.ErrUnverified, err)
	}
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return fmt.Errorf("object %s: %w", log.Hash(hash).Hex(), err)
	}
	return err
}

// publish writes the heads, the newest last, and takes away what only the epoch before
// the last one named: who has read its head still finds its objects.
func (m *Mirror) publish(next list) error {
	if len(next.heads) == 0 {
		return nil
	}
	for i, h := range next.heads {
		raw, err := json.Marshal(h)
		if err != nil {
			return err
		}
		if err := m.files.write(headName(h.Number), raw); err != nil {
			return err
		}
		if i == len(next.heads)-1 {
			if err := m.files.write(api.RouteHead, raw); err != nil {
				return err
			}
		}
	}
	m.state = next.state
	return m.retire(next.passing)
}

// Files that name the objects of the newest epoch and of the one before it.
const (
	presentName = "/.mirror/present"
	formerName  = "/.mirror/former"
)

func (m *Mirror) retire(passing []string) error {
	text := []byte(strings.Join(passing, "\n") + "\n")
	present, err := m.files.read(presentName)
	if err != nil || string(present) == string(text) {
		return err
	}
	former, err := m.files.read(formerName)
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, s := range append(strings.Fields(string(present)), passing...) {
		keep[s] = true
	}
	for s := range strings.FieldsSeq(string(former)) {
		raw, err := hex.DecodeString(s)
		if err != nil || len(raw) != 32 || keep[s] {
			continue
		}
		if err := os.Remove(m.objects.Path([32]byte(raw))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return errors.Join(m.files.write(formerName, present), m.files.write(presentName, text))
}

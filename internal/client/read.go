package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/log"
)

// raw reads a small document.
func (c *Client) raw(ctx context.Context, path string, limit int64) ([]byte, error) {
	b, _, err := c.do(ctx, http.MethodGet, path, nil, nil, limit)
	return b, err
}

// Checkpoint is the published checkpoint, a signed note.
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	return c.raw(ctx, api.RouteCheckpoint, maxSmall)
}

// Tile reads a hash tile; width is 1 to 256, and less than 256 for a partial one
// (C2SP tlog-tiles).
func (c *Client) Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error) {
	b, err := c.raw(ctx, fmt.Sprintf("%s%d/%s", api.RouteTile, level, TilePath(index, width)), maxTile)
	if err == nil && len(b) != width*32 {
		return nil, fmt.Errorf("tile %d/%d has %d bytes, want %d hashes", level, index, len(b), width)
	}
	return b, err
}

// Bundle reads an entry bundle of width entries, each with its u16 length before it.
func (c *Client) Bundle(ctx context.Context, index uint64, width int) ([]byte, error) {
	return c.raw(ctx, api.RouteTile+"entries/"+TilePath(index, width), maxBundle)
}

// TilePath prints <N>[.p/<W>] in groups of three digits (C2SP tlog-tiles).
func TilePath(index uint64, width int) string {
	s := fmt.Sprintf("%03d", index%1000)
	for index >= 1000 {
		index /= 1000
		s = fmt.Sprintf("x%03d/%s", index%1000, s)
	}
	if width < 256 {
		s += ".p/" + strconv.Itoa(width)
	}
	return s
}

// Genesis is entry 0 as the server gives it; hold its hash against the pin.
func (c *Client) Genesis(ctx context.Context) ([]byte, error) {
	return c.raw(ctx, api.RouteGenesis, maxLeaf)
}

// Quorum is the tlog-policy text that the server says is in force.
func (c *Client) Quorum(ctx context.Context) ([]byte, error) {
	return c.raw(ctx, api.RouteQuorum, maxSmall)
}

// Anchor is the newest valid anchor.
func (c *Client) Anchor(ctx context.Context) (api.Anchor, error) {
	return getJSON[api.Anchor](ctx, c, api.RouteAnchor, nil, maxSmall)
}

// Proof is the tlog-proof of an entry under the published checkpoint.
func (c *Client) Proof(ctx context.Context, index uint64) ([]byte, error) {
	return c.raw(ctx, fmt.Sprintf("%s/%d/proof", api.RouteEntries, index), maxSmall)
}

// Entry is one entry by its index.
func (c *Client) Entry(ctx context.Context, index uint64) (api.Entry, error) {
	return getJSON[api.Entry](ctx, c, fmt.Sprintf("%s/%d", api.RouteEntries, index), nil, maxJSON)
}

// Filter chooses entries; the zero value of a field chooses all.
type Filter struct {
	Run  string
	Kind log.Kind
	From uint64 // smallest index
}

// Entries yields the entries that a filter chooses, in log order, page after
// page, until the projection's end. After an error nothing more is yielded.
func (c *Client) Entries(ctx context.Context, f Filter) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		query := url.Values{}
		if f.Run != "" {
			query.Set("run", f.Run)
		}
		if f.Kind != "" {
			query.Set("kind", string(f.Kind))
		}
		if f.From > 0 {
			query.Set("from", strconv.FormatUint(f.From, 10))
		}
		for {
			page, err := getJSON[api.Entries](ctx, c, api.RouteEntries, query, maxJSON)
			if err != nil {
				yield(api.Entry{}, err)
				return
			}
			for _, e := range page.Entries {
				if !yield(e, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// Runs lists the runs.
func (c *Client) Runs(ctx context.Context) ([]api.Run, error) {
	return getJSON[[]api.Run](ctx, c, api.RouteRuns, nil, maxJSON)
}

// Run is one run.
func (c *Client) Run(ctx context.Context, run string) (api.Run, error) {
	return getJSON[api.Run](ctx, c, fill(api.RouteRun, "run", run), nil, maxJSON)
}

// Why is the sentence of a run's end.
func (c *Client) Why(ctx context.Context, run string) (api.Why, error) {
	return getJSON[api.Why](ctx, c, fill(api.RouteRunWhy, "run", run), nil, maxSmall)
}

// Member is how a member's beeper stands; member is the keyid of its check-in key.
func (c *Client) Member(ctx context.Context, run, member string) (api.Member, error) {
	return getJSON[api.Member](ctx, c, fill(fill(api.RouteRunMember, "run", run), "member", member), nil, maxSmall)
}

// Group is a group statement's leaf by the group's hash; hold it against that hash.
func (c *Client) Group(ctx context.Context, hash log.Hash) ([]byte, error) {
	return c.raw(ctx, fill(api.RouteGroup, "hash", hex.EncodeToString(hash[:])), maxLeaf)
}

// Policies are the policies of a chain, oldest first.
func (c *Client) Policies(ctx context.Context, chain string) ([]api.Policy, error) {
	return getJSON[[]api.Policy](ctx, c, api.RoutePolicies, url.Values{"chain": {chain}}, maxJSON)
}

// Epoch is the newest epoch's entry; false before the first.
func (c *Client) Epoch(ctx context.Context) (api.Entry, error) {
	return getJSON[api.Entry](ctx, c, api.RouteEpoch, nil, maxJSON)
}

// Full is the full list of one part under a key version; hold its hash against
// the epoch's. The prefix is empty for a kind that is not split.
func (c *Client) Full(ctx context.Context, version uint64, kind, prefix string) ([]byte, error) {
	route := api.RouteFull
	if prefix == "" {
		route = api.RouteFullWhole
	}
	path := fill(fill(fill(route, "version", strconv.FormatUint(version, 10)), "kind", kind), "prefix", prefix)
	return c.raw(ctx, path, maxList)
}

// Object is what an epoch commits to under a hash, which is checked.
func (c *Client) Object(ctx context.Context, hash [32]byte) ([]byte, error) {
	name := hex.EncodeToString(hash[:])
	b, err := c.raw(ctx, fill(fill(api.RouteObject, "head", name[:2]), "hash", name), maxList)
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(b) != hash {
		return nil, fmt.Errorf("answer of %s has another hash", name)
	}
	return b, nil
}

// Bucket is every scalar of a part that begins with a prefix of some bits, see
// blacklist.ParseBucket. The part's prefix is empty for a kind that is not split.
func (c *Client) Bucket(ctx context.Context, version uint64, kind, prefix string, bits int, bucket uint32) ([]byte, error) {
	if prefix == "" {
		prefix = "-"
	}
	path := fill(fill(fill(api.RouteBucket, "version", strconv.FormatUint(version, 10)), "kind", kind), "prefix", prefix)
	return c.raw(ctx, fill(fill(path, "bits", strconv.Itoa(bits)), "bucket", strconv.FormatUint(uint64(bucket), 10)), maxList)
}

// LabelProof is the proof that a label is on its part of the list (the first byte
// of the answer is 1), or is not (0).
func (c *Client) LabelProof(ctx context.Context, version uint64, kind string, label []byte) (proof []byte, listed bool, err error) {
	path := fill(fill(fill(api.RouteLabelProof, "version", strconv.FormatUint(version, 10)), "kind", kind), "label", hex.EncodeToString(label))
	b, err := c.raw(ctx, path, maxSmall)
	if err != nil {
		return nil, false, err
	}
	if len(b) == 0 || b[0] > 1 {
		return nil, false, fmt.Errorf("answer of %s is no proof", path)
	}
	return b[1:], b[0] == 1, nil
}

// Listing is what the server says of a label: by which halt it was listed.
func (c *Client) Listing(ctx context.Context, kind string, label []byte) (api.Listing, error) {
	return getJSON[api.Listing](ctx, c, fill(fill(api.RouteListing, "kind", kind), "label", hex.EncodeToString(label)), nil, maxSmall)
}

// Ready reports whether the daemon says that it serves everything.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.raw(ctx, api.RouteReady, maxSmall)
	return err
}

// fill puts one path parameter into a route.
func fill(route, name, value string) string {
	return strings.Replace(route, "{"+name+"}", url.PathEscape(value), 1)
}

package labcheck

import (
	"context"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// ErrUnconfirmed is a hit in a lookup list that nobody proved.
var ErrUnconfirmed = errors.New("a hit in a lookup list could not be confirmed")

// Prover answers what proves or refutes a hit in a lookup list; *client.Client is
// one, of the log or of a mirror.
type Prover interface {
	Bucket(ctx context.Context, version uint64, kind, prefix string, bits int, bucket uint32) ([]byte, error)
	Object(ctx context.Context, hash [32]byte) ([]byte, error)
}

// listed reports whether a label is on the list. A lookup list holds 64 bits of each,
// so a hit in it counts only once it is proven under the root, or the hash, that the
// same epoch commits to (LC6).
func (c *Checker) listed(ctx context.Context, kind fingerprint.Kind, version uint64, label blacklist.Label) (bool, error) {
	if !c.list.Contains(kind, version, label) {
		return false, nil
	}
	if c.list.synced == nil || c.list.synced.Exact {
		return true, nil
	}
	part, ok := c.list.synced.State().Find(kind, version, label)
	if !ok {
		return false, fmt.Errorf("%s under key version %d: %w", kind, version, ErrList)
	}
	var trouble []error
	for _, p := range c.opts.Provers {
		in, err := c.confirm(ctx, p, part, label)
		if err == nil {
			return in, nil
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		trouble = append(trouble, err)
	}
	return false, fmt.Errorf("%v: %w: %w", part.Part, ErrUnconfirmed, errors.Join(trouble...))
}

// confirm asks one prover: for the label's bucket, which shows no more than its
// prefix, or, where there are plain files only or the list has grown since, for the
// whole part.
func (c *Checker) confirm(ctx context.Context, p Prover, part blacklist.PartEpoch, label blacklist.Label) (bool, error) {
	hash, _ := part.Hash(blacklist.CommitFull)
	full, ok := c.fulls[hash]
	if !ok {
		in, short := inBucket(ctx, p, part, label)
		if short == nil {
			return in, nil
		}
		raw, err := p.Object(ctx, hash)
		if err != nil {
			return false, errors.Join(short, err)
		}
		if full, err = blacklist.ParseFullList(raw); err == nil {
			err = part.Check(full)
		}
		if err != nil {
			return false, errors.Join(short, err)
		}
		c.fulls[hash] = full
	}
	return full.Contains(label), nil
}

// inBucket is what a bucket proves; an error where it proves nothing under the root
// of the list that is held.
func inBucket(ctx context.Context, p Prover, part blacklist.PartEpoch, label blacklist.Label) (bool, error) {
	root, _ := part.Hash(blacklist.CommitRoot)
	bits := blacklist.BucketBits(part.Count)
	raw, err := p.Bucket(ctx, part.KeyVersion, string(part.Part.Kind), part.Part.Prefix, bits, blacklist.BucketOf(label, bits))
	if err != nil {
		return false, err
	}
	b, err := blacklist.ParseBucket(raw, part.Count)
	if err != nil {
		return false, err
	}
	if b.Bits != bits || b.Prefix != blacklist.BucketOf(label, bits) {
		return false, fmt.Errorf("%w: another bucket", blacklist.ErrProof)
	}
	if err := b.Verify(root, part.Count); err != nil {
		return false, err
	}
	return b.Contains(label)
}

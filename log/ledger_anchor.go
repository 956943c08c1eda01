package log

import (
	"errors"
	"slices"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// anchors are the valid anchors that may still be named, oldest first. Their
// smallest times and sizes grow strictly.
type anchors struct {
	kept []AnchorInfo
	any  bool // whether there ever was one that is forgotten by now
}

func (a *anchors) newest() (AnchorInfo, bool) {
	if len(a.kept) == 0 {
		return AnchorInfo{}, false
	}
	return a.kept[len(a.kept)-1], true
}

// add remembers an anchor and forgets those past anchorMemory.
func (a *anchors) add(n AnchorInfo) {
	a.kept = append(a.kept, n)
	drop := 0
	for a.kept[drop].Min.Before(n.Min.Add(-anchorMemory)) {
		drop++
	}
	if drop > 0 {
		a.any = true
		// Moved down, so that the array is not walked through for ever.
		a.kept = append(a.kept[:0:0], a.kept[drop:]...)
	}
}

// find looks a named anchor up; older is true if it is too old to be known.
func (a *anchors) find(ref AnchorRef) (info AnchorInfo, older, ok bool) {
	lo, hi := 0, len(a.kept)
	for lo < hi {
		if mid := (lo + hi) / 2; a.kept[mid].Index < ref.Index {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(a.kept) && a.kept[lo].Index == ref.Index && a.kept[lo].Root == ref.Root {
		return a.kept[lo], false, true
	}
	return AnchorInfo{}, lo == 0 && a.any && a.kept[0].Index != ref.Index, false
}

// Fresh is [View].
func (l *Ledger) Fresh(named AnchorRef, allowance time.Duration) error {
	newest, ok := l.anchors.newest()
	if !ok {
		return void(Unknown, "there is no anchor yet")
	}
	stale := func() error {
		return voidf(Stale, "the anchor at %d is too old", named.Index)
	}
	info, older, ok := l.anchors.find(named)
	switch {
	case older:
		return stale()
	case !ok:
		return voidf(Unknown, "no such anchor at %d", named.Index)
	}
	limit := allowance + l.params.AnchorPeriod + l.params.Skew + time.Second
	if newest.Min.Sub(info.Min) > limit {
		return stale()
	}
	return nil
}

// openAnchor judges an anchor's checkpoint. It must be one minimal quorum,
// byte for byte, under the quorum in force; it stands for the log's own tree
// below the anchor's own index; size and smallest time grow; its times lie
// within the skew of one another.
func (l *Ledger) openAnchor(note []byte) (AnchorInfo, error) {
	v, err := l.Quorum().VerifyExact(note)
	switch {
	case errors.Is(err, checkpoint.ErrNotExact):
		return AnchorInfo{}, void(Forbidden, "anchor holds more than one minimal quorum")
	case err != nil:
		return AnchorInfo{}, voidf(Forbidden, "anchor: %v", err)
	}
	cp := v.Checkpoint
	switch {
	case cp.Origin != l.Origin():
		return AnchorInfo{}, void(Forbidden, "anchor of another log")
	case len(cp.Extensions) > 0:
		// ML-DSA cosignatures do not cover them.
		return AnchorInfo{}, void(Forbidden, "anchor with extension lines")
	case len(v.Cosigned) == 0:
		return AnchorInfo{}, void(Forbidden, "anchor without witnessed time")
	case cp.Size > l.Index():
		return AnchorInfo{}, voidf(Conflict, "anchor of size %d at index %d", cp.Size, l.Index())
	case cp.Size == 0 || l.Index()-cp.Size > maxAnchorLag:
		return AnchorInfo{}, voidf(Conflict, "anchor of size %d lags too far behind", cp.Size)
	}
	a := AnchorInfo{Index: l.Index(), Size: cp.Size, Root: cp.Root, Min: unix(v.MinTime), Max: unix(v.MaxTime)}
	if v.MaxTime > maxUnix {
		return AnchorInfo{}, void(Forbidden, "anchor time out of range")
	}
	if a.Max.Sub(a.Min) > l.params.Skew {
		return AnchorInfo{}, void(Forbidden, "anchor times lie further apart than the skew")
	}
	if last, ok := l.anchors.newest(); ok && (a.Size <= last.Size || !a.Min.After(last.Min)) {
		return AnchorInfo{}, void(Conflict, "anchor does not exceed the last one's size and smallest time")
	}
	root, ok := l.tree.root(a.Size)
	if !ok || root != a.Root {
		return AnchorInfo{}, void(Forbidden, "anchor's root is not this log's")
	}
	return a, nil
}

// maxUnix is the last second of the year 9999, past which RFC 3339 prints
// nothing.
const maxUnix = 253402300799

func unix(seconds uint64) time.Time { return time.Unix(int64(seconds), 0).UTC() }

// CheckAnchor is [View].
func (l *Ledger) CheckAnchor(note []byte) error {
	_, err := l.openAnchor(note)
	return err
}

// NewestAnchor is [View].
func (l *Ledger) NewestAnchor() (AnchorInfo, bool) { return l.anchors.newest() }

// AnchorBefore is the newest valid anchor whose entry stands before an index,
// among those of the last day by anchor times.
func (l *Ledger) AnchorBefore(index uint64) (AnchorInfo, bool) {
	for _, a := range slices.Backward(l.anchors.kept) {
		if a.Index < index {
			return a, true
		}
	}
	return AnchorInfo{}, false
}

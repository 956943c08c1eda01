// Package replay owns reading a whole log once: every entry up to the newest
// witnessed checkpoint, folded, for commands that need the log's state and keep none.
//
// Invariants:
//
//   - RP1: the state is that of a tree whose root is signed by a quorum, and of no
//     other; a server can show an old one, and not another one.
package replay

import (
	"context"
	"fmt"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// width is how many entries a bundle holds (C2SP tlog-tiles).
const width = 256

// Read folds the log as it is under the newest checkpoint that l verified. Memory
// follows the state, and one bundle. progress may be nil. Errors: trust.ErrUnverified.
func Read(ctx context.Context, l *trust.Log, c *client.Client, progress func(done, total uint64)) (*fold.Machine, error) {
	at, hash, source := l.Newest().Checkpoint, l.GenesisHash(), client.NewPlain(c)
	m := fold.New(fold.Config{GenesisHash: &hash}, fold.Deps{Verifier: keys.NewVerifier()})
	for n := uint64(0); n*width < at.Size; n++ {
		leaves, err := source.Leaves(ctx, n, at.Size)
		if err != nil {
			return nil, fmt.Errorf("entries from %d: %w", n*width, err)
		}
		for _, leaf := range leaves {
			m.Apply(leaf)
		}
		if progress != nil {
			progress(min((n+1)*width, at.Size), at.Size)
		}
	}
	if root, ok := m.Ledger().RootAt(at.Size); !ok || root != log.Hash(at.Root) {
		return nil, fmt.Errorf("the entries do not make the root that is signed for size %d: %w", at.Size, trust.ErrUnverified)
	}
	return m, nil
}

package fold

import (
	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/log"
)

// EpochOf is the epoch statement that commits to a blacklist as it is at a log
// size: what an engine logs and an auditor expects.
func EpochOf(set *blacklist.Set, origin string, number, size uint64) *log.Epoch {
	e := set.Epoch()
	st := &log.Epoch{Origin: origin, Number: number, Size: size, Semantics: e.Semantics, Parts: make([]log.EpochPart, 0, len(e.Parts))}
	for _, p := range e.Parts {
		q := log.EpochPart{
			Kind: string(p.Part.Kind), Band: p.Part.Band, Prefix: p.Part.Prefix,
			KeyVersion: p.KeyVersion, Count: p.Count, Commitments: make([]log.Commitment, 0, len(p.Commitments)),
		}
		for _, c := range p.Commitments {
			q.Commitments = append(q.Commitments, log.Commitment{Name: c.Name, Hash: log.Hash(c.Hash)})
		}
		st.Parts = append(st.Parts, q)
	}
	return st
}

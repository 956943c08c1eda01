package admission

import (
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/log"
)

// A ProjectionIndex is the projection as an [Index].
type ProjectionIndex struct{ *projection.Projection }

// Lookup is [Index].
func (x ProjectionIndex) Lookup(identity log.Hash) (Seen, bool, error) {
	e, ok, err := x.Projection.Lookup(identity)
	return Seen{Index: e.Index, Validity: log.Validity(e.Validity), Reason: e.Reason}, ok, err
}

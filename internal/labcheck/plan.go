package labcheck

import (
	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
)

// Plan is what asking about a model would send.
type Plan struct {
	Fingerprints int `json:"fingerprints"` // blinded elements, for each key version
	Requests     int `json:"requests"`     // for each key version
	Bytes        int `json:"bytes"`        // of request bodies, for each key version
}

// PlanOf counts without asking anything.
func PlanOf(m fingerprint.Model) Plan {
	n := len(blacklist.Questions(m))
	return Plan{Fingerprints: n, Requests: (n + voprf.MaxBatch - 1) / voprf.MaxBatch, Bytes: n * voprf.ElementSize}
}

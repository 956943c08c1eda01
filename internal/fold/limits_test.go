package fold

import (
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// TestBoundsAgree: packages that may not import one another bound the same things
// alike, so that nothing that one makes is refused by the other.
func TestBoundsAgree(t *testing.T) {
	for name, b := range map[string][2]int{
		"labels of an artefact":  {log.MaxArtefactLabels, blacklist.MaxArtefactLabels},
		"reason of an exclusion": {log.MaxExclusion, blacklist.MaxReason},
		"wraps of a data key":    {log.MaxWraps, blacklist.MaxWraps},
		"Merkle path":            {log.MaxPath, blacklist.MaxPath},
		"names":                  {log.MaxName, policy.MaxName},
		"policy documents":       {log.MaxDocument, policy.MaxDocument},
		"members":                {log.MaxMembers, policy.MaxMembers},
		"evidence of a cause":    {log.MaxEvidence, policy.MaxEvidence},
	} {
		if b[0] != b[1] {
			t.Errorf("%s: %d and %d", name, b[0], b[1])
		}
	}
	// One entry publishes under one key version: every part of that may change, and
	// the epoch has to fit.
	if n := 1 + 1<<blacklist.MaxPrefix + 2*fingerprint.Bands<<blacklist.MaxBandPrefix; n > log.MaxEpochParts {
		t.Errorf("%d parts, an epoch holds %d", n, log.MaxEpochParts)
	}
	if fingerprint.Bands != log.Bands {
		t.Errorf("%d and %d bands", fingerprint.Bands, log.Bands)
	}
}

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// The bounds that stand in the protocol's sentences are those of the code.
func TestNumbers(t *testing.T) {
	page := strings.Join(strings.Fields(read(t, root+"/docs/protocol.md")), " ")
	thousands := func(n int) string {
		if n < 1000 {
			return fmt.Sprint(n)
		}
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	for _, sentence := range []string{
		fmt.Sprintf("nesting ends at %d", log.MaxDepth),
		fmt.Sprintf("leaf of the log is the envelope's bytes, at most %s", thousands(dsse.MaxLeaf)),
		fmt.Sprintf("The envelope, at most %d MiB", dsse.MaxWhole>>20),
		fmt.Sprintf("`part` statements of %s bytes each", thousands(log.MaxPartData)),
		fmt.Sprintf("`count` is 2 to %d", log.MaxParts),
		fmt.Sprintf("At most %s runs live at once", thousands(log.MaxLiveRuns)),
		fmt.Sprintf("A `group` has %d to %d members", log.MinMembers, log.MaxMembers),
		fmt.Sprintf("at most %d wait in the chain", policy.MaxPending),
		fmt.Sprintf("Evidence is sorted, at most %d indices", policy.MaxEvidence),
		fmt.Sprintf("anchor period + %d s (checkpoint lag) + skew", int(policy.CheckpointLag.Seconds())),
		fmt.Sprintf("N × %d bytes, 1 ≤ N ≤ %s", voprf.ElementSize, thousands(voprf.MaxBatch)),
		fmt.Sprintf("have n = bits(count div 2¹⁴) bits, at most %d for tensors and %d for bands", blacklist.MaxPrefix, blacklist.MaxBandPrefix),
		fmt.Sprintf("than a statement names (%s)", thousands(log.MaxEpochParts)),
		fmt.Sprintf("A bucket holds %d labels or more on average", blacklist.MinBucketLabels),
		fmt.Sprintf("if %s distinct labels of bands are active", map[int]string{2: "two"}[blacklist.CopyBands]),
	} {
		if !strings.Contains(page, sentence) {
			t.Errorf("the page does not say %q", sentence)
		}
	}
	if blacklist.PartTarget != 1<<14-1 || fingerprint.MinElements != 1<<16 || log.MaxInteger != 1<<53-1 {
		t.Error("a power of two in the page is another in the code")
	}
}

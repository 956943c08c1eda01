package tesseralog

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// Config is what a log is opened with. Durations of 0 and sizes of 0 mean the
// default, except where said otherwise.
type Config struct {
	// Dir is the log's folder. It is made if it does not exist.
	Dir string
	// Origin is the log's name, the first line of its checkpoints.
	Origin string
	// Signers sign checkpoints, in this order; at least one, each under the
	// name Origin. Several kinds may stand side by side.
	Signers []checkpoint.Signer
	// Quorum is asked at each round who the witnesses are and how many are
	// enough. While it returns nil nothing is published. Required.
	Quorum func() *checkpoint.Quorum
	// Skew is how far a cosignature's time may be from the log's own clock to
	// count (E2). Required.
	Skew time.Duration
	// BatchSize is the most entries written at once.
	BatchSize int
	// BatchAge is how long a batch is collected under load. An entry that
	// finds the log idle is written at once.
	BatchAge time.Duration
	// WitnessTimeout bounds one round with the witnesses.
	WitnessTimeout time.Duration
	// Interval is the least time from one round with the witnesses to the next; 0
	// for a round as soon as there is something to publish.
	Interval time.Duration
	// Refresh is how old the published checkpoint may get before witnesses are
	// asked again although the log has not grown; 0 for never.
	Refresh time.Duration
	// Expect are sizes and roots that others persisted of this log (engine,
	// guards, an auditor). A store that is shorter or different is refused
	// (L6).
	Expect []Head
}

// A Head is a tree's size and root.
type Head struct {
	Size uint64
	Root Hash
}

// Deps are the log's ways to the outside.
type Deps struct {
	// Logger gets what an operator should know. Required.
	Logger *slog.Logger
	// HTTP asks the witnesses. If nil, a client of its own with connections
	// kept alive and without redirects.
	HTTP *http.Client
	// Now is the clock; nil for the system's.
	Now func() time.Time

	dirs dirSyncer // tests only
}

// fill checks the configuration, reports every problem at once, and sets the
// defaults.
func (c Config) fill() (Config, error) {
	var errs []error
	need := func(ok bool, problem string) {
		if !ok {
			errs = append(errs, errors.New(problem))
		}
	}
	need(c.Dir != "", "no folder")
	need(c.Origin != "", "no origin")
	need(len(c.Signers) > 0, "no signer")
	for _, s := range c.Signers {
		need(s.VKey().Name == c.Origin, fmt.Sprintf("signer of %q, not of the origin", s.VKey().Name))
	}
	need(c.Quorum != nil, "no quorum")
	need(c.Skew > 0, "no skew")
	if c.BatchSize == 0 {
		c.BatchSize = defaultBatchSize
	}
	need(c.BatchSize > 0 && c.BatchSize <= maxBatchSize, fmt.Sprintf("batch size not within 1 to %d", maxBatchSize))
	if c.BatchAge == 0 {
		c.BatchAge = defaultBatchAge
	}
	need(c.BatchAge > 0 && c.BatchAge <= maxBatchAge, fmt.Sprintf("batch age not within 0 to %v", maxBatchAge))
	if c.WitnessTimeout == 0 {
		c.WitnessTimeout = defaultWitnessTimeout
	}
	need(c.WitnessTimeout > 0, "witness timeout below 0")
	need(c.Interval >= 0, "interval below 0")
	need(c.Refresh >= 0, "refresh below 0")
	if len(errs) > 0 {
		return Config{}, fmt.Errorf("log: %w", errors.Join(errs...))
	}
	return c, nil
}

func (d Deps) fill() (Deps, error) {
	if d.Logger == nil {
		return Deps{}, errors.New("log: no logger")
	}
	if d.HTTP == nil {
		d.HTTP = newClient()
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.dirs == nil {
		d.dirs = osDirs{}
	}
	return d, nil
}

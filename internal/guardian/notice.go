package guardian

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/log"
)

// errSilent ends a stream on which not even a comment came.
var errSilent = errors.New("stream is silent")

// stream listens to one address for halts and votes of the run, for as long as ctx lives.
type stream struct {
	client *client.Client
	run    string
	notify func(ctx context.Context, n guard.Notice) error
	logger *slog.Logger
	// silence ends a stream on which nothing came for so long.
	silence time.Duration
}

// listen reads from an index on, and opens the stream again whenever it ends, breaks or falls silent: from where it was,
// so that nothing is missed. The pause grows with each failure, is drawn at random, and bounded.
func (s *stream) listen(ctx context.Context, from uint64) {
	pause := retryMin
	for ctx.Err() == nil {
		next, err := s.once(ctx, from)
		if next > from {
			pause = retryMin
		}
		from = next
		if ctx.Err() != nil {
			return
		}
		s.logger.Debug("stream ended", slog.Any("err", err))
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, retryMax)
	}
}

// once reads one stream to its end. It returns the index after the last entry that it saw.
func (s *stream) once(ctx context.Context, from uint64) (uint64, error) {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(s.silence, func() { cancel(errSilent) })
	defer watch.Stop()
	for e, err := range s.client.Events(within, s.run, from) {
		if err != nil {
			return from, err
		}
		watch.Reset(s.silence)
		switch e.Name {
		case api.EventHalt:
			s.hear(ctx, guard.NoticeHalt, e.Data)
		case api.EventVote:
			s.hear(ctx, guard.NoticeVote, e.Data)
		case api.EventEntry:
			var entry api.Entry
			if json.Unmarshal(e.Data, &entry) != nil {
				continue
			}
			from = max(from, entry.Index+1)
			switch log.Kind(entry.Kind) {
			case log.KindHalt:
				s.hear(ctx, guard.NoticeHalt, entry.Leaf)
			case log.KindLiveVote:
				s.hear(ctx, guard.NoticeVote, entry.Leaf)
			}
		}
	}
	return from, nil
}

// hear hands a notice on; what does not verify is the server's, or a void one, and is only said.
func (s *stream) hear(ctx context.Context, kind guard.NoticeKind, leaf []byte) {
	if err := s.notify(ctx, guard.Notice{Kind: kind, Bytes: leaf}); err != nil {
		s.logger.Warn("notice", slog.String("kind", string(kind)), slog.Any("err", err))
	}
}

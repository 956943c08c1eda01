package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/internal/api"
)

// Event is one server-sent event of a run.
type Event struct {
	ID   string // index of the entry; empty for what is pushed before it is logged
	Name string // api.EventHalt, api.EventVote, api.EventEntry
	Data []byte
}

// Events streams what is said of a run, from an index on, until the context ends
// or the connection does: then the error is yielded, and reconnecting is the
// caller's. Comments, which servers send to keep a stream alive, are yielded as
// events without a name, so that a caller can tell a silent line from a dead one.
func (c *Client) Events(ctx context.Context, run string, from uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		res, err := c.send(ctx, http.MethodGet, fill(api.RouteRunEvents, "run", run), url.Values{"from": {strconv.FormatUint(from, 10)}}, nil)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer res.Body.Close()
		if err := readEvents(res.Body, func(e Event) bool { return yield(e, nil) }); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			yield(Event{}, fmt.Errorf("events of %s: %w", run, err))
		}
	}
}

// readEvents parses text/event-stream (HTML Living Standard §9.2.6) as far as it
// is used here: fields id, event and data, one line of data an event.
func readEvents(r io.Reader, yield func(Event) bool) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	var e Event
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			if e.Name != "" && !yield(e) {
				return nil
			}
			e = Event{}
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "":
			if !yield(Event{}) {
				return nil
			}
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			e.Data = []byte(value)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

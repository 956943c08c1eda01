package tesseralog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// newClient is a client that keeps a connection to each witness alive and goes
// nowhere else than it was told.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			MaxIdleConns:        maxWitnessURLs,
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     10 * time.Minute,
			ForceAttemptHTTP2:   true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A witness is one submission prefix, behind which there may be several keys.
type witness struct {
	url  string
	http *http.Client

	// turn holds one token: a witness is asked one thing at a time, since a
	// second request would only make the first's old size wrong.
	turn chan struct{}

	mu      sync.Mutex
	size    uint64              // what it last cosigned, as far as known
	waiting *context.CancelFunc // ends the ask that waits for its turn
	trouble string              // what went wrong last
}

func newWitness(url string, c *http.Client, size uint64) *witness {
	w := &witness{url: strings.TrimSuffix(url, "/") + "/add-checkpoint", http: c, turn: make(chan struct{}, 1), size: size}
	w.turn <- struct{}{}
	return w
}

func (w *witness) known() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size
}

func (w *witness) learn(size uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.size = size
}

// ask submits a signed checkpoint and returns the answer's signature lines,
// none of them verified. proof gives consistency proofs from an older size.
func (w *witness) ask(ctx context.Context, signed []byte, size uint64, proof func(ctx context.Context, from uint64) ([]Hash, error)) ([]checkpoint.NoteSig, error) {
	if err := w.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer func() { w.turn <- struct{}{} }()
	for range maxConflicts {
		old := w.known()
		if old > size {
			// Asked from scratch the next time, in case it only said so.
			w.learn(0)
			return nil, fmt.Errorf("has cosigned %d of this log, now asked for %d: %w", old, size, ErrRollback)
		}
		hashes, err := proof(ctx, old)
		if err != nil {
			return nil, err
		}
		lines, conflict, err := w.post(ctx, old, hashes, signed)
		if err != nil {
			return nil, err
		}
		if conflict == nil {
			w.learn(size)
			return lines, nil
		}
		w.learn(*conflict)
	}
	return nil, errors.New("another size each time it is asked")
}

// takeTurn waits until the witness is free. Only the newest ask waits: a
// witness that hangs must not gather one ask for each round meanwhile.
func (w *witness) takeTurn(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.mu.Lock()
	if w.waiting != nil {
		(*w.waiting)()
	}
	w.waiting = &cancel
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.waiting == &cancel {
			w.waiting = nil
		}
	}()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("still busy with an earlier request: %w", ctx.Err())
	}
}

// changed reports whether the trouble is another than last time; the empty
// text stands for none.
func (w *witness) changed(trouble string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.trouble
	w.trouble = trouble
	return was != trouble
}

// post sends one add-checkpoint request. conflict is the size that the witness
// has instead of old.
func (w *witness) post(ctx context.Context, old uint64, proof []Hash, signed []byte) (lines []checkpoint.NoteSig, conflict *uint64, err error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range proof {
		b.WriteString(checkpoint.FormatHash(h) + "\n")
	}
	b.WriteString("\n")
	b.Write(signed)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, &b)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := w.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		body, err := readBounded(resp.Body, checkpoint.MaxNote)
		if err != nil {
			return nil, nil, err
		}
		lines, err := checkpoint.ParseSignatures(string(body))
		return lines, nil, err
	case http.StatusConflict:
		// "The response body MUST consist of the tree size of the latest
		// cosigned checkpoint in decimal, followed by a newline", with
		// Content-Type text/x.tlog.size.
		body, err := readBounded(resp.Body, maxConflict)
		if err != nil {
			return nil, nil, err
		}
		text, ok := strings.CutSuffix(string(body), "\n")
		size, err := checkpoint.ParseSize(text)
		if !ok || err != nil || resp.Header.Get("Content-Type") != "text/x.tlog.size" {
			return nil, nil, errors.New("answered 409 without a size")
		}
		if size == old {
			return nil, nil, fmt.Errorf("answered 409 to the size %d it asks for", size)
		}
		return nil, &size, nil
	}
	// Read a little, so that the connection can be used again.
	body, _ := readBounded(resp.Body, 512)
	return nil, nil, fmt.Errorf("answered %d %s", resp.StatusCode, strconv.QuoteToASCII(string(body)))
}

// readBounded reads at most limit bytes, and refuses what is longer.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("answered more than %d bytes", limit)
	}
	return b, nil
}

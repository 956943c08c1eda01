package witnesshttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// A forwarder hands statements on to the log. Votes may be given to any
// witness, which must forward them: so a log that would rather not hear a
// member's vote cannot tell it from the witness's other connections.
type forwarder struct {
	url    *url.URL
	client *http.Client
	slots  chan struct{}
}

func newForwarder(u *url.URL, t http.RoundTripper) *forwarder {
	if t == nil {
		// Not the default transport: a proxy of the environment would see
		// the votes.
		t = &http.Transport{MaxIdleConnsPerHost: 8, MaxResponseHeaderBytes: maxHeader, ForceAttemptHTTP2: true}
	}
	return &forwarder{
		url: u,
		client: &http.Client{
			Transport: t,
			// A redirect would send the statement where nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots: make(chan struct{}, maxForwards),
	}
}

// errForward is whatever kept a statement from the log. The cause is dropped:
// it may hold addresses.
var errForward = errors.New("the log cannot be reached")

// post sends the statement in a request that holds nothing of the client's
// own: fixed headers, and of the query only a known wait. It goes on when the
// client hangs up, since the vote was handed over by then.
func (f *forwarder) post(ctx context.Context, statement []byte, wait string) (status int, header http.Header, body []byte, err error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return 0, nil, nil, errForward
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forwardTime)
	defer cancel()
	u := *f.url
	if wait == "folded" || wait == "witnessed" {
		u.RawQuery = "wait=" + wait
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(statement))
	if err != nil {
		return 0, nil, nil, errForward
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "haltwitness")
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, nil, nil, errForward
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		return 0, nil, nil, errForward
	}
	return resp.StatusCode, resp.Header, body, nil
}

// statements is POST /v1/statements: the bytes go on unread, the log's answer
// comes back.
func (h *Handler) statements(w http.ResponseWriter, r *http.Request) {
	if h.forward == nil {
		problem(w, http.StatusNotFound, "this witness forwards no statements", "")
		return
	}
	statement, ok := readBody(w, r, maxStatement)
	if !ok {
		return
	}
	status, header, body, err := h.forward.post(r.Context(), statement, r.URL.Query().Get("wait"))
	if err != nil {
		h.metrics.forwarded(http.StatusBadGateway)
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusBadGateway, errForward.Error(), "")
		return
	}
	h.metrics.forwarded(status)
	for _, k := range []string{"Content-Type", "Retry-After"} {
		if v := header.Get(k); v != "" {
			w.Header().Set(k, v)
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

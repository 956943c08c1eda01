package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// HTTPViews are Views over HTTP: GET <monitoring prefix>/<hex SHA-256 of the
// origin>/checkpoint (c2sp.org/tlog-witness).
type HTTPViews struct {
	Client *http.Client
}

// View is [Views].
func (h HTTPViews) View(ctx context.Context, prefix, origin string) ([]byte, error) {
	return h.get(ctx, prefix, origin, "checkpoint", maxNote)
}

// Kept is [Views]: GET <monitoring prefix>/<hex SHA-256 of the origin>/evidence,
// which haltwitness serves and C2SP does not know.
func (h HTTPViews) Kept(ctx context.Context, prefix, origin string) ([]Kept, error) {
	raw, err := h.get(ctx, prefix, origin, "evidence", maxKept)
	if errors.Is(err, ErrNoView) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Kept
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("read view: %w", err)
	}
	return all, nil
}

func (h HTTPViews) get(ctx context.Context, prefix, origin, what string, limit int64) ([]byte, error) {
	name := sha256.Sum256([]byte(origin))
	u := strings.TrimSuffix(prefix, "/") + "/" + hex.EncodeToString(name[:]) + "/" + what
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, fmt.Errorf("read view: %w", err)
	}
	res, err := h.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read view: %w", err)
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, ErrNoView
	default:
		return nil, fmt.Errorf("read view: %s", res.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read view: %w", err)
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("read view: longer than %d bytes", limit)
	}
	return raw, nil
}

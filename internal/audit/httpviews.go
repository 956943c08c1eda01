package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	name := sha256.Sum256([]byte(origin))
	u := strings.TrimSuffix(prefix, "/") + "/" + hex.EncodeToString(name[:]) + "/checkpoint"
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
	note, err := io.ReadAll(io.LimitReader(res.Body, maxNote+1))
	if err != nil {
		return nil, fmt.Errorf("read view: %w", err)
	}
	if len(note) > maxNote {
		return nil, fmt.Errorf("read view: longer than %d bytes", maxNote)
	}
	return note, nil
}

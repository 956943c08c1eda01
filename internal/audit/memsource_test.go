package audit

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
)

// memSource is a server without its sockets.
type memSource struct{ s *server }

func (m memSource) get(path string) ([]byte, error) {
	w := httptest.NewRecorder()
	m.s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	if w.Code != 200 {
		return nil, client.ErrNotFound
	}
	return w.Body.Bytes(), nil
}

func (m memSource) Checkpoint(context.Context) ([]byte, error) { return m.get("/checkpoint") }

func (m memSource) Bundle(_ context.Context, index uint64, width int) ([]byte, error) {
	return m.get("/tile/entries/" + tile(index, width))
}

func (m memSource) Tile(_ context.Context, level int, index uint64, width int) ([]byte, error) {
	return m.get(fmt.Sprintf("/tile/%d/%s", level, tile(index, width)))
}

func tile(index uint64, width int) string {
	s := fmt.Sprintf("%03d", index)
	if width < 256 {
		s += fmt.Sprintf(".p/%d", width)
	}
	return s
}

func checkpointAt(l *foldtest.Log, size uint64) checkpoint.Checkpoint {
	return checkpoint.Checkpoint{Origin: l.Origin, Size: size, Root: checkpoint.Hash(l.Root(size))}
}

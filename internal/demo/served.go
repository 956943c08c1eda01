package demo

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// forged is what a lying server shows: a log (C2SP tlog-tiles), or what a witness
// cosigned (C2SP tlog-witness).
type forged struct {
	leaves [][]byte // that the hash tiles are of
	shown  [][]byte // that the entry bundles hold
	note   []byte
	view   []byte
}

// served is a forged log on the network, read-only.
type served struct {
	forged
	url    string
	server *http.Server
}

// tileWidth is the hashes of a full tile.
const tileWidth = 256

func serve(ctx context.Context, f forged) (*served, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &served{forged: f, url: "http://" + l.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /checkpoint", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.note, f.note != nil) })
	name := sha256.Sum256([]byte(origin))
	mux.HandleFunc("GET /"+hex.EncodeToString(name[:])+"/checkpoint", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.view, f.view != nil) })
	mux.HandleFunc("GET /tile/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		b, ok := f.tile(r.PathValue("rest"))
		answer(w, b, ok)
	})
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.server.Serve(l) }() // ends with close
	return s, nil
}

func (s *served) close() { _ = s.server.Close() }

func answer(w http.ResponseWriter, b []byte, ok bool) {
	if !ok {
		http.Error(w, "not here", http.StatusNotFound)
		return
	}
	_, _ = w.Write(b) // the reader went away
}

// tile answers <L>/<N>[.p/<W>] and entries/<N>[.p/<W>].
func (f forged) tile(path string) ([]byte, bool) {
	kind, rest, _ := strings.Cut(path, "/")
	rest, width, partial := strings.Cut(rest, ".p/")
	n, err := strconv.Atoi(strings.NewReplacer("/", "", "x", "").Replace(rest))
	if err != nil || n < 0 {
		return nil, false
	}
	count := tileWidth
	if partial {
		if count, err = strconv.Atoi(width); err != nil || count < 1 || count >= tileWidth {
			return nil, false
		}
	}
	if kind == "entries" {
		return bundle(f.shown, n*tileWidth, count)
	}
	level, err := strconv.Atoi(kind)
	if err != nil || level < 0 || level > 7 {
		return nil, false
	}
	var out []byte
	span := 1 << (8 * level)
	for i := n * tileWidth; i < n*tileWidth+count; i++ {
		if (i+1)*span > len(f.leaves) {
			return nil, false
		}
		h := root(f.leaves[i*span : (i+1)*span])
		out = append(out, h[:]...)
	}
	return out, true
}

// bundle is entries, each after its length as u16.
func bundle(leaves [][]byte, from, count int) ([]byte, bool) {
	if from+count > len(leaves) {
		return nil, false
	}
	var out []byte
	for _, leaf := range leaves[from : from+count] {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(leaf))), leaf...)
	}
	return out, true
}

// root is that of a perfect tree (RFC 6962 section 2.1).
func root(leaves [][]byte) checkpoint.Hash {
	if len(leaves) == 1 {
		return checkpoint.LeafHash(leaves[0])
	}
	half := len(leaves) / 2
	return checkpoint.NodeHash(root(leaves[:half]), root(leaves[half:]))
}

// Package audittest serves logs of foldtest over HTTP for tests: as a log does,
// or with what only those who hold all its keys could serve.
package audittest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
)

// A Server is a log over HTTP, C2SP tlog-tiles, with the witnesses' monitoring
// endpoints under /w/NAME. Its fields may be changed before it serves.
type Server struct {
	Origin string
	Leaves [][]byte          // as served
	Hashes []checkpoint.Hash // of the tree
	Note   []byte
	Views  map[string][]byte // by witness
	Kept   map[string]string // evidence by witness, JSON
	Gone   bool              // partial tiles are not there any more
}

// New serves a log with a checkpoint of everything, by a quorum, now.
func New(l *foldtest.Log) *Server {
	s := &Server{Origin: l.Origin, Leaves: l.Leaves, Note: l.Checkpoint(l.Size()), Views: map[string][]byte{}}
	for _, leaf := range l.Leaves {
		s.Hashes = append(s.Hashes, checkpoint.LeafHash(leaf))
	}
	return s
}

// rootOf is the root over leaf hashes (RFC 6962 section 2.1).
func rootOf(hs []checkpoint.Hash) checkpoint.Hash {
	var t checkpoint.Tree
	for _, h := range hs {
		if err := t.AppendHash(h); err != nil {
			panic(err) // a tree in memory has none
		}
	}
	h, err := t.Root(t.Size())
	if err != nil {
		panic(err)
	}
	return h
}

// ServeHTTP is [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/checkpoint" {
		w.Write(s.Note)
		return
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/w/"); ok {
		name, tail, _ := strings.Cut(rest, "/")
		origin := sha256.Sum256([]byte(s.Origin))
		if kept, ok := s.Kept[name]; ok && tail == hex.EncodeToString(origin[:])+"/evidence" {
			w.Write([]byte(kept))
			return
		}
		note, ok := s.Views[name]
		if !ok || tail != hex.EncodeToString(origin[:])+"/checkpoint" {
			http.NotFound(w, r)
			return
		}
		w.Write(note)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/tile/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind, rest, _ := strings.Cut(rest, "/")
	number, partial, isPartial := strings.Cut(rest, ".p/")
	width := 256
	if isPartial {
		width, _ = strconv.Atoi(partial)
	}
	index, _ := strconv.Atoi(strings.ReplaceAll(strings.ReplaceAll(number, "x", ""), "/", ""))
	if isPartial && s.Gone {
		http.NotFound(w, r)
		return
	}
	if kind == "entries" {
		for i := index * 256; i < index*256+width; i++ {
			if i >= len(s.Leaves) {
				if isPartial || !s.Gone {
					http.NotFound(w, r)
				}
				return
			}
			w.Write(binary.BigEndian.AppendUint16(nil, uint16(len(s.Leaves[i]))))
			w.Write(s.Leaves[i])
		}
		return
	}
	level, _ := strconv.Atoi(kind)
	span := 1 << (8 * level)
	var out []byte
	for i := index * 256; i < index*256+width; i++ {
		if (i+1)*span > len(s.Hashes) {
			http.NotFound(w, r)
			return
		}
		h := rootOf(s.Hashes[i*span : (i+1)*span])
		out = append(out, h[:]...)
	}
	w.Write(out)
}

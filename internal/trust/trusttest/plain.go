package trusttest

import (
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/log"
)

// plain answers what is among the files of a mirror; false if the path is not.
func (s *Server) plain(w http.ResponseWriter, r *http.Request, path []string) bool {
	switch {
	case path[0] == "tile" && len(path) > 2 && path[1] == "entries":
		s.bundle(w, path[2:])
	case r.URL.Path == api.RouteHead:
		h, ok := s.Head(0)
		answer(w, ok, h)
	case strings.HasPrefix(r.URL.Path, "/v1/blacklist/heads/"):
		n, err := strconv.ParseUint(path[3], 10, 64)
		h, ok := s.Head(n)
		answer(w, ok && err == nil && n > 0, h)
	default:
		return false
	}
	return true
}

// Head is the head of an epoch below the published size; 0 for the newest.
func (s *Server) Head(number uint64) (h api.Head, ok bool) {
	authority := []uint64{}
	for i := range s.size() {
		step := s.Log.Steps[i]
		if step.Signed == nil || step.Validity != log.Valid {
			continue
		}
		switch st := step.Signed.Statement.(type) {
		case *log.Authority:
			authority = append(authority, i)
		case *log.Epoch:
			if number == 0 || st.Number == number {
				h, ok = api.Head{
					Number: st.Number, Index: i, Size: st.Size, Authority: append([]uint64{}, authority...),
					Entries: []api.HeadEntry{{Index: i, Leaf: s.Log.Leaves[i], Proof: string(s.Proof(i))}},
				}, true
			}
		}
	}
	return h, ok
}

func (s *Server) bundle(w http.ResponseWriter, path []string) {
	width, index := uint64(256), uint64(0)
	if n := len(path); n > 1 && strings.HasSuffix(path[n-2], ".p") {
		width, _ = strconv.ParseUint(path[n-1], 10, 64)
		path = path[:n-1]
	}
	for _, p := range path {
		n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(p, "x"), ".p"), 10, 64)
		index = index*1000 + n
	}
	if index*256+width > s.Log.Size() {
		missing(w)
		return
	}
	for _, leaf := range s.Log.Leaves[index*256 : index*256+width] {
		_, _ = w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(leaf))), leaf...))
	}
}

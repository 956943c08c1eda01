//go:build unix

package printcache

import (
	"io/fs"
	"os"
	"syscall"
)

// own reports whether the folder belongs to the user.
func own(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

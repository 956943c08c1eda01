package guard

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoCgroup says that no cgroup v2 of its own could be made for the run.
var ErrNoCgroup = errors.New("no cgroup v2 to be had")

// cgroup is a private leaf of the v2 tree. Each holder opens the control files itself: kernfs keeps the "changed since
// the last read" mark in the open file, so a shared descriptor of cgroup.events would swallow the other's notices.
type cgroup struct {
	path   string
	dir    *os.File
	freeze *os.File
	kill   *os.File
	events *os.File
}

// ownCgroupDir is the directory below which this process may make a cgroup.
func ownCgroupDir() (string, error) {
	info, err := readBounded("/proc/self/mountinfo", maxMountinfo)
	if err != nil {
		return "", err
	}
	mounts, err := parseMounts(string(info))
	if err != nil {
		return "", err
	}
	self, err := readBounded("/proc/self/cgroup", maxMountinfo)
	if err != nil {
		return "", err
	}
	path, ok := unifiedPath(mounts, string(self))
	if !ok {
		return "", fmt.Errorf("%w: no cgroup2 mount shows this process", ErrNoCgroup)
	}
	return path, nil
}

// makeCgroup makes a fresh cgroup below parent, or below the process's own when parent is empty. note is told its path
// before it exists, so that a crash at any moment leaves nothing unknown behind.
func makeCgroup(parent string, note func(path string) error) (*cgroup, error) {
	if parent == "" {
		p, err := ownCgroupDir()
		if err != nil {
			return nil, err
		}
		parent = p
	}
	path := filepath.Join(parent, "haltlog-"+strings.ToLower(rand.Text()))
	if err := note(path); err != nil {
		return nil, err
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCgroup, err)
	}
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err == nil {
		var c *cgroup
		if c, err = openCgroup(path, dir); err == nil {
			return c, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%w: %w", ErrNoCgroup, err), os.Remove(path))
}

// openCgroup opens the control files below an open directory and takes dir over, also on error.
func openCgroup(path string, dir *os.File) (*cgroup, error) {
	c := &cgroup{path: path, dir: dir}
	for _, f := range []struct {
		name string
		flag int
		to   **os.File
	}{
		{"cgroup.freeze", unix.O_WRONLY, &c.freeze},
		{"cgroup.kill", unix.O_WRONLY, &c.kill}, // Linux 5.14
		{"cgroup.events", unix.O_RDONLY, &c.events},
	} {
		fd, err := unix.Openat(int(dir.Fd()), f.name, f.flag|unix.O_CLOEXEC, 0)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("open %s: %w", f.name, err)
		}
		*f.to = os.NewFile(uintptr(fd), f.name)
	}
	return c, nil
}

func (c *cgroup) close() {
	for _, f := range []*os.File{c.dir, c.freeze, c.kill, c.events} {
		if f != nil {
			_ = f.Close() // nothing was buffered
		}
	}
}

// slay freezes and kills everything in the cgroup and below. Freezing only keeps the command from acting meanwhile,
// so its failure does not keep the kill back; cgroup.kill also reaches processes that are being forked.
func (c *cgroup) slay() error {
	_, freezeErr := unix.Write(int(c.freeze.Fd()), []byte("1"))
	if _, err := unix.Write(int(c.kill.Fd()), []byte("1")); err != nil {
		return errors.Join(freezeErr, fmt.Errorf("write cgroup.kill: %w", err))
	}
	return nil
}

// populated reads whether any live process is in the cgroup or below.
func (c *cgroup) populated() (bool, error) {
	buf := make([]byte, maxEventsFile)
	n, err := unix.Pread(int(c.events.Fd()), buf, 0)
	if err != nil {
		return false, fmt.Errorf("read cgroup.events: %w", err)
	}
	return parsePopulated(string(buf[:n]))
}

// parsePopulated reads the populated line of cgroup.events (flat keyed, Documentation/admin-guide/cgroup-v2.rst).
func parsePopulated(text string) (bool, error) {
	for line := range strings.Lines(text) {
		switch line {
		case "populated 0\n":
			return false, nil
		case "populated 1\n":
			return true, nil
		}
	}
	return false, fmt.Errorf("cgroup.events: no populated line in %q", text)
}

// remove takes the empty cgroup away, with whatever empty cgroups the command may have made below it. The kernel
// refuses while anything lives inside, so this can never lose a process.
func (c *cgroup) remove() error {
	var dirs []string
	err := filepath.WalkDir(c.path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			dirs = append(dirs, p)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove cgroup: %w", err)
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := removeDir(dirs[i]); err != nil {
			return fmt.Errorf("remove cgroup: %w", err)
		}
	}
	return nil
}

// removeDir retries while the kernel still says busy: an exited process stays linked for a moment after populated 0.
func removeDir(path string) error {
	deadline := time.Now().Add(DefaultKillWait)
	for {
		err := unix.Rmdir(path)
		switch {
		case err == nil || errors.Is(err, fs.ErrNotExist):
			return nil
		case !errors.Is(err, unix.EBUSY) || time.Now().After(deadline):
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// readBounded reads a whole small file and refuses a longer one.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: more than %d bytes", path, limit)
	}
	return b, nil
}

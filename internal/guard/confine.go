package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// confineView makes the mount namespace private, gives /proc to the new PID namespace and masks every cgroup tree and
// each directory of masks with an empty read-only file system. It fails when any cgroup file is still to be reached.
func confineView(masks []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	info, err := readBounded("/proc/self/mountinfo", maxMountinfo)
	if err != nil {
		return err
	}
	mounts, err := parseMounts(string(info))
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if !isCgroup(m.kind) {
			continue
		}
		if err := mask(m.point); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, dir := range masks {
		if err := mask(dir); err != nil {
			return err
		}
	}
	for _, m := range mounts {
		if !isCgroup(m.kind) {
			continue
		}
		var st unix.Statfs_t
		err := unix.Statfs(m.point, &st)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look at %s: %w", m.point, err)
		}
		if err == nil && (st.Type == unix.CGROUP2_SUPER_MAGIC || st.Type == unix.CGROUP_SUPER_MAGIC) {
			return fmt.Errorf("G5: cgroup tree still visible at %s", m.point)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

func isCgroup(kind string) bool { return kind == "cgroup" || kind == "cgroup2" }

// mask covers a directory. The command has no capability to uncover it, and in a user namespace that it makes itself
// inherited mounts are locked together (mount_namespaces(7)).
func mask(dir string) error {
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("haltlog-mask", dir, "tmpfs", flags, "size=4k,mode=555"); err != nil {
		return fmt.Errorf("mask %s: %w", dir, err)
	}
	return nil
}

// lastCapability is the kernel's newest capability; the bounding set is emptied up to it.
func lastCapability() (int, error) {
	b, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return 0, err
	}
	var n int
	if _, err := fmt.Sscanf(string(b), "%d", &n); err != nil || n < 0 || n > 63 {
		return 0, fmt.Errorf("cap_last_cap: %q", b)
	}
	return n, nil
}

// surrender takes from the calling thread everything that a program started by it could use: ambient and inheritable
// capabilities, the bounding set, and the hope of new privileges. The thread's own permitted set stays, because
// switching uid needs it; exec by a non-root uid clears it. The caller has locked the thread.
func surrender() error {
	last, err := lastCapability()
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	for c := range last + 1 {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&hdr, &data[0]); err != nil {
		return fmt.Errorf("clear inheritable capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	return nil
}

// undumpable keeps processes of the same uid from tracing this one and from reading its memory through /proc.
func undumpable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("clear dumpable: %w", err)
	}
	return nil
}

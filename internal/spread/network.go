package spread

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrRefused is returned where this machine lets nobody make namespaces or devices.
var ErrRefused = errors.New("network namespaces are refused here")

// Config is a network.
type Config struct {
	Name    string   // of at most 6 letters and digits: begins the name of each namespace and device
	Regions []string // for people; the index is the region's number
	// Link of each direction; not asked for a region and itself.
	Link func(from, to int) Link
	Seed uint64 // of every loss and jitter
}

// Network is a set of regions and the relay between them.
type Network struct {
	config Config
	spaces []string
	tuns   []*os.File
	pipes  [][]*pipe
	cancel context.CancelFunc
	wg     sync.WaitGroup
	once   sync.Once
	err    error
}

// New makes the namespaces and starts the relay. It needs root. What was made is
// removed when it fails, and by Close (SP4).
func New(ctx context.Context, config Config) (_ *Network, err error) {
	n := len(config.Regions)
	if n < 1 || n > MaxRegions || config.Name == "" || len(config.Name) > 6 {
		return nil, fmt.Errorf("network %q of %d regions: out of bounds", config.Name, n)
	}
	w := &Network{config: config}
	relay, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	for i := range n {
		if err := w.makeRegion(ctx, i); err != nil {
			return nil, fmt.Errorf("region %s: %w", config.Regions[i], err)
		}
	}
	for from := range n {
		row := make([]*pipe, n)
		for to := range n {
			if from == to {
				continue
			}
			link := config.Link(from, to)
			if err := link.Validate(); err != nil {
				return nil, fmt.Errorf("%s to %s: %w", config.Regions[from], config.Regions[to], err)
			}
			row[to] = newPipe(link, config.Seed, uint64(from*MaxRegions+to), func(b []byte) error {
				_, err := w.tuns[to].Write(b)
				return err
			})
		}
		w.pipes = append(w.pipes, row)
	}
	for from, row := range w.pipes {
		for _, p := range row {
			if p != nil {
				w.wg.Go(func() { p.run(relay) })
			}
		}
		w.wg.Go(func() { w.read(from) })
	}
	return w, nil
}

func (w *Network) makeRegion(ctx context.Context, i int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// A step that is cut off may have been done: each takes milliseconds, and ends.
	ctx = context.WithoutCancel(ctx)
	name := fmt.Sprintf("%s-%d", w.config.Name, i)
	if err := ip(ctx, "netns", "add", name); err != nil {
		return refused(err)
	}
	w.spaces = append(w.spaces, name)
	tun, err := openTUN(name)
	if err != nil {
		return refused(err)
	}
	w.tuns = append(w.tuns, tun)
	// The file stays ours while the device moves: the relay needs no namespace.
	for _, args := range [][]string{
		{"link", "set", name, "netns", name},
		{"-n", name, "link", "set", "lo", "up"},
		{"-n", name, "addr", "add", w.Addr(i, 1).String() + "/24", "dev", name},
		{"-n", name, "link", "set", name, "mtu", fmt.Sprint(MTU), "up"},
		// Every address of the region is at home in it, so that hosts need no device each.
		{"-n", name, "route", "add", "local", netip.PrefixFrom(w.Addr(i, 0), 24).String(), "dev", "lo"},
		{"-n", name, "route", "add", "default", "dev", name},
	} {
		if err := ip(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// Addr is the address of a host (1 to 250) in a region; 0 is the region's network.
func (w *Network) Addr(region, host int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 77, byte(region + 1), byte(min(host, hosts))})
}

// Space is the name of a region's namespace.
func (w *Network) Space(region int) string { return w.spaces[region] }

// Command is a command that runs in a region.
func (w *Network) Command(ctx context.Context, region int, program string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", w.spaces[region], program}, args...)...)
}

// Counts of the direction between two regions so far.
func (w *Network) Counts(from, to int) Counts {
	return w.pipes[from][to].counts()
}

// read takes the packets that leave a region, until its device is closed.
func (w *Network) read(from int) {
	buffer := make([]byte, MTU+64)
	for {
		n, err := w.tuns[from].Read(buffer)
		if err != nil {
			return
		}
		if to, ok := destination(buffer[:n]); ok && to < len(w.tuns) && to != from {
			w.pipes[from][to].send(buffer[:n])
		}
	}
}

// destination is the region of an IPv4 packet. All else (IPv6 that a device says
// of itself when it comes up) belongs to nobody.
func destination(b []byte) (int, bool) {
	if len(b) < 20 || b[0]>>4 != 4 || b[16] != 10 || b[17] != 77 || b[18] == 0 {
		return 0, false
	}
	return int(b[18]) - 1, true
}

// Close stops the relay and removes devices and namespaces. Processes in a region
// are their starter's to end, and are to be ended first: those that are left are
// killed, because a namespace lasts as long as a process in it.
func (w *Network) Close() error {
	w.once.Do(func() {
		w.cancel()
		var errs []error
		for _, name := range w.spaces {
			errs = append(errs, kill(name))
		}
		for _, tun := range w.tuns {
			errs = append(errs, tun.Close())
		}
		w.wg.Wait()
		for _, name := range w.spaces {
			errs = append(errs, ip(context.Background(), "netns", "del", name))
		}
		w.err = errors.Join(errs...)
	})
	return w.err
}

// refused marks an error that the machine is the cause of. All others, a name that
// is taken among them, are failures.
func refused(err error) error {
	switch {
	case os.Geteuid() != 0, errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrPermission), errors.Is(err, os.ErrNotExist),
		strings.Contains(err.Error(), "Operation not permitted"): // of ip, which has one exit code for all
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// kill ends the processes of a namespace, which nobody but this network's users has.
func kill(space string) error {
	for range maxKills {
		out, err := exec.Command("ip", "netns", "pids", space).Output()
		if err != nil {
			return fmt.Errorf("processes of %s: %w", space, err)
		}
		left := strings.Fields(string(out))
		if len(left) == 0 {
			return nil
		}
		for _, s := range left {
			pid, err := strconv.Atoi(s)
			if err != nil || pid <= 1 {
				return fmt.Errorf("processes of %s: %q", space, s)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("process %d of %s: %w", pid, space, err)
			}
		}
		time.Sleep(killPause)
	}
	return fmt.Errorf("processes of %s do not end", space)
}

func ip(ctx context.Context, args ...string) error {
	c := exec.CommandContext(ctx, "ip", args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is not for a step half way
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

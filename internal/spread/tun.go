package spread

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openTUN makes a device of IP packets without a header of its own. The device is
// gone when the file is closed, also when the process dies.
func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("device %q: %w", name, closeAfter(fd, err))
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, fmt.Errorf("make device %q: %w", name, closeAfter(fd, err))
	}
	// Only now: a poller refuses a file that has no device yet.
	return os.NewFile(uintptr(fd), name), nil
}

func closeAfter(fd int, err error) error {
	_ = unix.Close(fd) // the first error is the one that tells
	return err
}

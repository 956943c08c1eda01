package guard

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is the guard's time. Boot counts from the machine's start, suspended time included, and is never set;
// Wall is civil time and may jump; BootID changes with every start of the machine and is empty when it cannot be read.
// All methods may be called from any goroutine. Boot must be the machine's own boot-time clock wherever a reaper runs:
// it compares the keeper's deadlines with CLOCK_BOOTTIME.
type Clock interface {
	Boot() time.Duration
	Wall() time.Time
	BootID() string
}

const bootIDPath = "/proc/sys/kernel/random/boot_id"

// SystemClock reads CLOCK_BOOTTIME, CLOCK_REALTIME and the kernel's boot id.
type SystemClock struct{}

// NewSystemClock checks once that the kernel has what SystemClock reads.
func NewSystemClock() (SystemClock, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return SystemClock{}, fmt.Errorf("read boot-time clock: %w", err)
	}
	if (SystemClock{}).BootID() == "" {
		return SystemClock{}, fmt.Errorf("read %s: no boot id", bootIDPath)
	}
	return SystemClock{}, nil
}

// Boot is CLOCK_BOOTTIME.
func (SystemClock) Boot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// NewSystemClock has shown that the clock exists; the call has no other failure.
		panic(fmt.Sprintf("guard: G1: boot-time clock: %v", err))
	}
	return time.Duration(ts.Nano())
}

// Wall is the civil time without Go's monotonic reading, which would hide a jump.
func (SystemClock) Wall() time.Time { return time.Now().Round(0).UTC() }

// BootID is read each time: a process restored on another machine must notice.
func (SystemClock) BootID() string {
	b, err := os.ReadFile(bootIDPath)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Stamp is one moment on both clocks.
type Stamp struct {
	Wall time.Time     `json:"wall"`
	Boot time.Duration `json:"boot_ns"`
}

func stamp(c Clock) Stamp { return Stamp{Wall: c.Wall(), Boot: c.Boot()} }

package guard

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Config is everything a guard is told. New reports every problem at once.
type Config struct {
	Origin   string // the log's origin
	Run      string // the run's id
	GuardKey string // key id of the guard, as registered with the run

	// Engines are the key ids of the engines that may grant, Quorum is k of them (1 to len(Engines)).
	Engines []string
	Quorum  int
	// MaxDuration bounds a lease, MaxAge the newest checkpoint's age, Skew every comparison of wall clocks.
	MaxDuration time.Duration
	MaxAge      time.Duration
	Skew        time.Duration
	// Renew is the pause between lease requests, Heartbeat between heartbeats. RequestTimeout bounds one request.
	Renew          time.Duration
	Heartbeat      time.Duration
	RequestTimeout time.Duration

	// StateDir is private to this run's guard: memory, halts, records, spool. The command never sees it.
	StateDir string

	// Command is the absolute path of the program and its arguments. Env nil means the guard's own environment without
	// HALTLOG_ variables; Dir empty means /. Stdin, Stdout, Stderr may be nil (closed).
	Command               []string
	Env                   []string
	Dir                   string
	Stdin, Stdout, Stderr *os.File
	// UID and GID are the command's when the guard is root; 0 means DefaultUID, never root.
	UID, GID uint32
	// Masks are further directories that the command must not see.
	Masks []string
	// Mode forces how the run is held; empty is ModeAuto. Weak accepts less than full strength.
	Mode Mode
	Weak bool
	// CgroupParent is the cgroup directory to work below; empty is the guard's own cgroup.
	CgroupParent string

	// Checkpoints is the directory in which the command completes its saved models; empty watches nothing.
	Checkpoints string
	// WatchEvery is the pause between two looks at Checkpoints.
	WatchEvery time.Duration

	// Beat, Miss, KillWait and Drain have the defaults of their Default constants.
	Beat, Miss, KillWait, Drain time.Duration

	arg0 string // argv[0] of the command when it is not its path; tests run one binary in several roles
}

// ErrConfig is the family of all configuration problems.
var ErrConfig = errors.New("guard configuration")

// complete fills defaults and checks what does not depend on the machine.
func (c *Config) complete() error {
	var errs []error
	bad := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, a...)...))
	}
	setDefault(&c.Beat, DefaultBeat)
	setDefault(&c.Miss, DefaultMiss)
	setDefault(&c.KillWait, DefaultKillWait)
	setDefault(&c.Drain, DefaultDrain)
	if c.Mode == "" {
		c.Mode = ModeAuto
	}
	if c.UID == 0 {
		c.UID = DefaultUID
	}
	if c.GID == 0 {
		c.GID = DefaultUID
	}
	if c.Env == nil {
		c.Env = cleanEnv(os.Environ())
	}
	if c.Dir == "" {
		c.Dir = "/"
	}
	if c.Origin == "" || c.Run == "" || c.GuardKey == "" {
		bad("origin, run and guard key are required")
	}
	if len(c.Engines) == 0 || len(c.Engines) > maxEngines {
		bad("1 to %d engines, not %d", maxEngines, len(c.Engines))
	}
	seen := map[string]bool{}
	for _, e := range c.Engines {
		if e == "" || seen[e] {
			bad("engine %q empty or named twice", e)
		}
		seen[e] = true
	}
	if c.Quorum < 1 || c.Quorum > len(c.Engines) {
		bad("quorum %d of %d engines", c.Quorum, len(c.Engines))
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{
		{"max duration", c.MaxDuration},
		{"max age", c.MaxAge},
		{"skew", c.Skew},
		{"renew", c.Renew},
		{"heartbeat", c.Heartbeat},
		{"request timeout", c.RequestTimeout},
		{"beat", c.Beat},
		{"kill wait", c.KillWait},
		{"drain", c.Drain},
	} {
		if d.d <= 0 {
			bad("%s must be positive, is %s", d.name, d.d)
		}
	}
	if c.Miss < 2*c.Beat {
		bad("miss %s is less than two beats of %s", c.Miss, c.Beat)
	}
	if c.Beat > 0 && c.Miss > maxMissedBeats*c.Beat {
		bad("miss %s is more than %d beats of %s", c.Miss, maxMissedBeats, c.Beat)
	}
	if c.Renew >= c.MaxDuration {
		bad("renew %s is not below the longest lease %s", c.Renew, c.MaxDuration)
	}
	if len(c.Command) == 0 || !filepath.IsAbs(c.Command[0]) {
		bad("command needs an absolute path")
	}
	if !filepath.IsAbs(c.StateDir) {
		bad("state directory %q is not absolute", c.StateDir)
	}
	if c.Mode != ModeAuto && c.Mode != ModeCgroup && c.Mode != ModeNamespace {
		bad("mode %q", c.Mode)
	}
	if c.Checkpoints != "" && (!filepath.IsAbs(c.Checkpoints) || c.WatchEvery <= 0) {
		bad("checkpoints need an absolute directory and a positive pause")
	}
	return errors.Join(errs...)
}

func setDefault(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

// strength is G5's: a user namespace with the guard's own uid is full only when a cgroup holds the run too.
func strength(m Mode, euid int) Strength {
	if m == ModeCgroup || euid == 0 {
		return StrengthFull
	}
	return StrengthWeak
}

func recordDir(state string) string { return filepath.Join(state, "records") }
func spoolDir(state string) string  { return filepath.Join(state, "spool") }

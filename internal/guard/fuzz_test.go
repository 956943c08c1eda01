package guard

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzParseMessage: what the parser takes, the formatter prints again, byte for byte.
func FuzzParseMessage(f *testing.F) {
	for _, m := range []message{
		{verb: verbReady},
		{verb: verbBeat, when: time.Hour},
		{verb: verbArm, body: []byte("17")},
		{verb: verbKilling, body: []byte(CauseLease)},
	} {
		f.Add(m.encode())
	}
	f.Add([]byte{0, 1, 2})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseMessage(b); err == nil && !bytes.Equal(m.encode(), b) {
			t.Errorf("%x parses to %+v", b, m)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	r := Record{Run: "r", By: "reaper", Cause: CauseKeeperDied, Evidence: Evidence{Mode: ModeCgroup, PidfdExited: true}}
	r.Evidence.Observed.Wall = time.Unix(1_700_000_000, 123).UTC()
	b, err := r.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"run":"r","run":"s"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseRecord(b); err == nil {
			if again, err := r.encode(); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%q prints as %q", b, again)
			}
		}
	})
}

func FuzzParseMemory(f *testing.F) {
	b, err := (Memory{Origin: "log", Run: "run", Sequence: 1, Engines: []EngineMemory{{"e", 1, 2, 3}}}).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseMemory(b); err == nil {
			if again, err := m.encode(); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%q prints as %q", b, again)
			}
		}
	})
}

func FuzzParseMounts(f *testing.F) {
	if own, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		f.Add(string(own))
	}
	f.Add("41 31 0:38 /a\\040b /sys/fs/c\\134g rw shared:1 master:2 - cgroup2 cgroup2 rw\n")
	f.Add("1 2 3 4 - x")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := parseMounts(text)
		if err != nil {
			return
		}
		for _, m := range mounts {
			// The kernel escapes these; others pass as they are.
			if !strings.ContainsAny(m.point, "#") {
				back, err := unescapeOctal(escapeOctal(m.point))
				if err != nil || back != m.point {
					t.Errorf("%q comes back as %q, %v", m.point, back, err)
				}
			}
		}
		_, _ = unifiedPath(mounts, "0::/\n")
	})
}

func TestUnifiedPath(t *testing.T) {
	const hybrid = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
		"32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
		"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
	const pure = "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
	const container = "30 22 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
	const odd = "30 22 0:26 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n"
	for _, tc := range []struct {
		info, self, want string
		ok               bool
	}{
		{hybrid, "4:memory:/x\n0::/\n", "/sys/fs/cgroup/unified", true},
		{hybrid, "0::/user.slice/a\n", "/sys/fs/cgroup/unified/user.slice/a", true},
		{pure, "0::/user.slice\n", "/sys/fs/cgroup/user.slice", true},
		{container, "0::/docker/ab\n", "/sys/fs/cgroup", true},
		{container, "0::/docker/ab/c\n", "/sys/fs/cgroup/c", true},
		{container, "0::/docker/abc\n", "", false},
		{container, "0::/\n", "", false},
		{odd, "0::/\n", "/mnt/my groups", true},
		{pure, "0::/../elsewhere\n", "", false},
		{pure, "4:memory:/\n", "", false},
		{"", "0::/\n", "", false},
	} {
		mounts, err := parseMounts(tc.info)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := unifiedPath(mounts, tc.self); got != tc.want || ok != tc.ok {
			t.Errorf("%q: %q %t, want %q %t", tc.self, got, ok, tc.want, tc.ok)
		}
	}
}

func TestParsePopulated(t *testing.T) {
	for text, want := range map[string]string{
		"populated 0\nfrozen 1\n": "false <nil>",
		"frozen 0\npopulated 1\n": "true <nil>",
	} {
		alive, err := parsePopulated(text)
		if err != nil || (want == "true <nil>") != alive {
			t.Errorf("%q: %t %v", text, alive, err)
		}
	}
	for _, text := range []string{"", "populated", "populated 0", "populated 2\n", "unpopulated 0\n"} {
		if _, err := parsePopulated(text); err == nil {
			t.Errorf("took %q", text)
		}
	}
}

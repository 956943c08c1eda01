package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The real program, built once, is what these tests start, stop and kill.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "haltlog-faults")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// Another user starts it too.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bin := filepath.Join(dir, "haltlogd")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/haltlogd").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv("HALTLOG_TEST_DAEMON", bin); err != nil {
		return 1
	}
	return m.Run()
}

func binary() string { return os.Getenv("HALTLOG_TEST_DAEMON") }

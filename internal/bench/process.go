package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// stopTime is what a process gets to end by itself.
	stopTime = 10 * time.Second
	// startTime bounds the start of a process, and whatever has to happen before
	// a measurement can begin.
	startTime = 2 * time.Minute
	// logTail is how much of a process's log an error shows, in bytes.
	logTail = 2048
	// maxLine bounds a line of a process: a guard's event with its labels.
	maxLine = 1 << 20
)

// binaries are the programs under test, and their peers.
type binaries struct{ haltlogd, haltlog, haltwitness, conformance, lone string }

// build builds the programs into dir, and with them their peers, from a module of
// their own.
func build(ctx context.Context, root, dir string, peers bool) (binaries, error) {
	b := binaries{
		haltlogd: filepath.Join(dir, "haltlogd"), haltlog: filepath.Join(dir, "haltlog"), haltwitness: filepath.Join(dir, "haltwitness"),
		conformance: filepath.Join(dir, "conformance"), lone: filepath.Join(dir, "lone"),
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return b, err
	}
	steps := []struct {
		in, out string
		what    []string
	}{
		{root, dir + "/", []string{"./cmd/haltlogd", "./cmd/haltlog", "./cmd/haltwitness"}},
		{filepath.Join(root, "tools", "bench"), b.conformance, []string{"github.com/transparency-dev/tessera/cmd/conformance/posix"}},
		{filepath.Join(root, "tools", "bench"), b.lone, []string{"./lone"}},
	}
	if !peers {
		steps = steps[:1]
	}
	for _, step := range steps {
		c := exec.CommandContext(ctx, "go", append([]string{"build", "-o", step.out}, step.what...)...)
		c.Dir = step.in
		if out, err := c.CombinedOutput(); err != nil {
			return b, fmt.Errorf("build %v: %w\n%s", step.what, err, bytes.TrimSpace(out))
		}
	}
	return b, nil
}

// checkout is the root of the checkout that the working directory lies in.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(b, []byte("module github.com/haltlog/haltlog\n")) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("run it within a checkout of haltlog")
		}
		dir = up
	}
}

// process is one that was started here, and is ended here.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	log  string        // path of its standard error
	done chan struct{} // closed when it ended and its output was read
	err  error
}

// start runs a program; each line of its standard output goes to line, which may be nil.
func start(log string, argv []string, env []string, line func(string)) (*process, error) {
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), log: log, done: make(chan struct{})}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p.cmd.Stderr = file
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is ours to pass on
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		s := bufio.NewScanner(out)
		s.Buffer(nil, maxLine)
		for s.Scan() {
			if line != nil {
				line(s.Text())
			}
		}
		_, _ = io.Copy(io.Discard, out)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// stop ends the process, by force if it takes too long.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-logTail):])
}

// serve starts a server and waits for the line that names its address.
func serve(ctx context.Context, log string, argv []string) (p *process, url string, err error) {
	found := make(chan string, 1)
	var once sync.Once
	p, err = start(log, argv, nil, func(line string) {
		if u, ok := strings.CutPrefix(line, "listening "); ok {
			once.Do(func() { found <- u })
		}
	})
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case url = <-found:
		return p, url, nil
	case <-p.done:
		return nil, "", fmt.Errorf("%s ended: %w\n%s", filepath.Base(argv[0]), p.err, p.tail())
	case <-ctx.Done():
		p.stop()
		return nil, "", fmt.Errorf("%s does not listen: %w\n%s", filepath.Base(argv[0]), ctx.Err(), p.tail())
	}
}

// command runs a program to its end.
func command(ctx context.Context, argv ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return out, nil
}

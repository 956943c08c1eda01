package demo

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
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Process is one process that the demo started, with its own log.
type Process struct {
	Name string
	Path string // of its log: standard output and standard error
	Pid  int

	process *os.Process
	done    chan struct{}
	read    chan struct{}    // closed when standard output was read to its end
	state   *os.ProcessState // once done
}

// fleet starts processes and ends exactly those (D2). They die with the demo,
// even if that is killed: each start happens on one thread that lives as long as
// the demo does, which is what the kernel ties that signal to.
type fleet struct {
	dir    string // of logs
	starts chan func()

	mu  sync.Mutex
	all []*Process
}

func newFleet(dir string) *fleet {
	f := &fleet{dir: dir, starts: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for start := range f.starts {
			start()
		}
	}()
	return f
}

// start runs a program. Each line of its standard output goes to lines, which may
// be nil, and like its standard error to its log.
func (f *fleet) start(name string, argv []string, lines func(string)) (*Process, error) {
	p := &Process{Name: name, Path: filepath.Join(f.dir, name+".log"), done: make(chan struct{}), read: make(chan struct{})}
	file, err := os.OpenFile(p.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), file.Close())
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), file.Close(), out.Close(), in.Close())
	}
	defer null.Close()
	path, err := exec.LookPath(argv[0])
	if err == nil {
		started := make(chan struct{})
		f.starts <- func() {
			defer close(started)
			p.process, err = os.StartProcess(path, argv, &os.ProcAttr{
				Files: []*os.File{null, in, file},
				// A group of its own: what a terminal sends to the demo is the demo's to handle.
				Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
			})
		}
		<-started
	}
	_ = in.Close() // the child's
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), file.Close(), out.Close())
	}
	p.Pid = p.process.Pid
	f.mu.Lock()
	f.all = append(f.all, p)
	f.mu.Unlock()
	go func() {
		defer close(p.read)
		copyLines(out, file, lines)
	}()
	go func() {
		p.state, _ = p.process.Wait()
		close(p.done)
	}()
	return p, nil
}

func copyLines(from *os.File, to io.WriteCloser, lines func(string)) {
	defer from.Close()
	defer to.Close()
	s := bufio.NewScanner(from)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		_, _ = to.Write(append(s.Bytes(), '\n')) // a full disk shows elsewhere
		if lines != nil {
			lines(s.Text())
		}
	}
	_, _ = io.Copy(io.Discard, from) // a line that is too long must not block its writer
}

// command runs a program to its end and returns its standard output and exit code.
func (f *fleet) command(ctx context.Context, name string, argv []string) (stdout []byte, code int, err error) {
	var out bytes.Buffer
	var mu sync.Mutex
	p, err := f.start(name, argv, func(line string) {
		mu.Lock()
		defer mu.Unlock()
		out.WriteString(line + "\n")
	})
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, commandWait, fmt.Errorf("%s did not end within %v", name, commandWait))
	defer cancel()
	select {
	case <-p.done:
	case <-ctx.Done():
		_ = p.process.Kill()
		<-p.done
		return nil, 0, context.Cause(ctx)
	}
	<-p.read
	mu.Lock()
	defer mu.Unlock()
	return out.Bytes(), p.state.ExitCode(), nil
}

// Exited reports whether the process has ended.
func (p *Process) Exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends a signal, unless the process has ended.
func (p *Process) Signal(s os.Signal) error {
	if err := p.process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	return nil
}

// Kill sends SIGKILL and waits for the end.
func (p *Process) Kill() {
	_ = p.process.Kill() // it ended, or it cannot be killed and the wait below shows it
	<-p.done
}

// Stop asks for the end, and forces it after a while.
func (p *Process) Stop() {
	_ = p.process.Signal(syscall.SIGCONT) // one that the demo stopped would not hear
	_ = p.process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopWait):
		p.Kill()
	}
}

// stop ends everything that still runs, the last started first: guards before
// their daemon, daemons before their witnesses.
func (f *fleet) stop() {
	f.mu.Lock()
	all := f.all
	f.mu.Unlock()
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].Exited() {
			all[i].Stop()
		}
	}
}

// tail is the end of a process's log.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-logTail):])
}

// until looks again and again until something holds. An error counts as not yet;
// the last one is shown at the end.
func until(ctx context.Context, what string, wait time.Duration, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, fmt.Errorf("not within %v", wait))
	defer cancel()
	var last error
	for {
		done, err := ok()
		if done {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, errors.Join(context.Cause(ctx), last))
		case <-time.After(pollEvery):
		}
	}
}

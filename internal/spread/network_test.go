package spread

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// envRole makes this binary a party in a region.
const envRole = "HALTLOG_SPREAD_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(envRole); role {
	case "":
		os.Exit(m.Run())
	case "sink":
		err = sink(os.Args[1])
	case "source":
		err = source(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// payload is the same in both parties.
func payload() []byte {
	b := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

// sink answers one connection with the hash of what it read.
func sink(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	c, err := l.Accept()
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, c); err != nil {
		return err
	}
	_, err = c.Write(h.Sum(nil))
	return errors.Join(err, c.Close())
}

// source sends the payload, and says how long the connection took to open.
func source(address string) error {
	begin := time.Now()
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	opened := time.Since(begin)
	if _, err := c.Write(payload()); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if want := sha256.Sum256(payload()); !bytes.Equal(got, want[:]) {
		return fmt.Errorf("the far side read other bytes")
	}
	fmt.Println(opened)
	return nil
}

func testNetwork(t *testing.T, name string, link Link) *Network {
	t.Helper()
	w, err := New(t.Context(), Config{
		Name: name, Regions: []string{"west", "east"}, Seed: 11,
		Link: func(int, int) Link { return link },
	})
	if errors.Is(err, ErrRefused) {
		t.Skipf("needs root, ip and /dev/net/tun: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// name is of this process, so that two runs at once do not meet.
func name() string { return fmt.Sprintf("h%05d", os.Getpid()%100_000) }

func TestTCPCrossesALossyLinkIntact(t *testing.T) {
	t.Attr("invariant", "SP1")
	t.Attr("invariant", "SP2")
	if testing.Short() {
		t.Skip("makes namespaces")
	}
	link := Link{Delay: 10 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.02, Queue: 4096}
	w := testNetwork(t, name(), link)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := w.Command(t.Context(), 1, self, w.Addr(1, 7).String()+":0")
	server.Env = append(os.Environ(), envRole+"=sink")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(errors.Join(err, server.Wait()))
	}
	client := w.Command(t.Context(), 0, self, strings.TrimSpace(address))
	client.Env = append(os.Environ(), envRole+"=source")
	client.Stderr = os.Stderr
	said, err := client.Output()
	if err = errors.Join(err, server.Wait()); err != nil {
		t.Fatal(err)
	}
	opened, err := time.ParseDuration(strings.TrimSpace(string(said)))
	if err != nil {
		t.Fatal(err)
	}
	if opened < 2*link.Delay {
		t.Errorf("connected in %v over a round trip of %v", opened, 2*link.Delay)
	}
	there, back := w.Counts(0, 1), w.Counts(1, 0)
	t.Logf("connected in %v; there %+v, back %+v", opened, there, back)
	if there.Lost == 0 || there.Delivered < (1<<20)/MTU || back.Delivered == 0 {
		t.Errorf("there %+v, back %+v", there, back)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Attr("invariant", "SP4")
	if testing.Short() {
		t.Skip("makes namespaces")
	}
	good := Link{Queue: 1}
	prefix := name()
	w := testNetwork(t, prefix, good)
	left := w.Command(t.Context(), 0, "sleep", "600")
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }()
	if err := inside(t, w.Space(0)); err != nil {
		t.Fatal(err)
	}
	if !exists(t, prefix) {
		t.Fatal("no namespace of that name: the test looks in the wrong place")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(t, prefix) {
		t.Error("left after Close")
	}
	if err := <-ended; err == nil {
		t.Error("a process that was left ended by itself")
	}
	// Half way: the regions are made, and the second link is refused.
	_, err := New(t.Context(), Config{Name: prefix, Regions: []string{"a", "b"}, Link: func(from, _ int) Link {
		if from == 1 {
			return Link{}
		}
		return good
	}})
	if !errors.Is(err, ErrLink) {
		t.Fatalf("a bad link: %v", err)
	}
	if exists(t, prefix) {
		t.Error("left after a failure")
	}
}

// inside waits until a process is in a namespace.
func inside(t *testing.T, space string) error {
	t.Helper()
	for {
		out, err := exec.CommandContext(t.Context(), "ip", "netns", "pids", space).Output()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			return err
		}
	}
}

func exists(t *testing.T, prefix string) bool {
	t.Helper()
	out, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(out), prefix+"-")
}

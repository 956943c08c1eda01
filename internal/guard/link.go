package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errMessage is the reason when a message between keeper and reaper has no known form.
var errMessage = errors.New("malformed message")

// verb is what a message between keeper and reaper says.
type verb byte

const (
	verbReady   verb = 1 + iota // reaper: I hold the cgroup
	verbArm                     // keeper: here is the root's pidfd; body: its pid in decimal
	verbArmed                   // reaper: I would kill it now
	verbBeat                    // both; with the keeper's lease deadline, or the reaper's time of sending
	verbKilling                 // reaper: I am about to kill; body: cause
	verbKilled                  // reaper: done; body: evidence record
	verbRelease                 // keeper: nothing is left to guard
	verbLast    = verbRelease
)

// message travels on the SEQPACKET pair: 1 byte verb, 8 bytes time (big endian, boot clock in ns), body.
type message struct {
	verb verb
	when time.Duration // of beats; 0 in all others, and while no lease stands
	body []byte
}

const messageHead = 9

func (m message) encode() []byte {
	b := make([]byte, messageHead, messageHead+len(m.body))
	b[0] = byte(m.verb)
	binary.BigEndian.PutUint64(b[1:], uint64(m.when))
	return append(b, m.body...)
}

func parseMessage(b []byte) (message, error) {
	if len(b) < messageHead || len(b) > maxMessage {
		return message{}, fmt.Errorf("%w: %d bytes", errMessage, len(b))
	}
	m := message{verb: verb(b[0]), when: time.Duration(binary.BigEndian.Uint64(b[1:]))}
	if m.verb < verbReady || m.verb > verbLast {
		return message{}, fmt.Errorf("%w: verb %d", errMessage, b[0])
	}
	if m.when < 0 || (m.verb != verbBeat && m.when != 0) {
		return message{}, fmt.Errorf("%w: time", errMessage)
	}
	if len(b) > messageHead {
		m.body = append([]byte(nil), b[messageHead:]...)
	}
	return m, nil
}

// link is one end of the pair. Its messages keep their bounds, and the peer's death is an end of file.
type link struct{ conn *net.UnixConn }

// linkPair makes both ends; the second is a plain file to be inherited by the reaper.
func linkPair() (*link, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket pair: %w", err)
	}
	far := os.NewFile(uintptr(fds[1]), "reaper")
	l, err := openLink(os.NewFile(uintptr(fds[0]), "keeper"))
	if err != nil {
		_ = far.Close()
		return nil, nil, err
	}
	return l, far, nil
}

// openLink takes f over.
func openLink(f *os.File) (*link, error) {
	conn, err := net.FileConn(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("open link: %T is no unix socket", conn)
	}
	return &link{u}, nil
}

// send never waits longer than patience: a stopped partner's full buffer must not stop this one too.
func (l *link) send(m message, patience time.Duration, fds ...int) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	_, _, err := l.conn.WriteMsgUnix(m.encode(), oob, nil)
	return err
}

// receive waits for one message and at most one descriptor (-1 when none came). io.EOF means that the partner is gone.
func (l *link) receive() (message, int, error) {
	buf, oob := make([]byte, maxMessage+1), make([]byte, unix.CmsgSpace(4))
	n, oobn, flags, _, err := l.conn.ReadMsgUnix(buf, oob)
	if err != nil {
		return message{}, -1, err
	}
	fd := -1
	if oobn > 0 {
		if fd, err = oneRight(oob[:oobn]); err != nil {
			return message{}, -1, err
		}
	}
	if n == 0 {
		return message{}, fd, io.EOF
	}
	if flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		return message{}, fd, fmt.Errorf("%w: truncated", errMessage)
	}
	m, err := parseMessage(buf[:n])
	return m, fd, err
}

func oneRight(oob []byte) (int, error) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(msgs) != 1 {
		return -1, fmt.Errorf("%w: control data", errMessage)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return -1, fmt.Errorf("%w: descriptors", errMessage)
	}
	unix.CloseOnExec(fds[0])
	return fds[0], nil
}

func (l *link) close() error { return l.conn.Close() }

// received is one result of link.receive, for channels.
type received struct {
	message message
	fd      int
	err     error
}

// pump reads until the first error, which is sent too. The reader must drain it or close the link and drop it.
func (l *link) pump(to chan<- received, done <-chan struct{}) {
	for {
		m, fd, err := l.receive()
		select {
		case to <- received{m, fd, err}:
		case <-done:
			return
		}
		if err != nil {
			return
		}
	}
}

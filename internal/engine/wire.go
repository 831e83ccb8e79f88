package engine

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// A frame is one message between a command and a supervisor: its kind, four
// bytes of length (big endian), its body.
type frameKind byte

// What a command says.
const (
	frameOrder    frameKind = 'O' // order: get it ready; the sockets of its ports come just before
	frameGo       frameKind = 'G' // its network is up: start it
	frameAttach   frameKind = 'A' // send me its output
	frameStdin    frameKind = 'i' // bytes for its standard input
	frameStdinEnd frameKind = 'c' // no more of these
	frameSize     frameKind = 'Z' // sandbox.Size: its terminal has this one now
	frameSignal   frameKind = 'S' // int: send it this signal
	frameStop     frameKind = 'T' // stopRequest: end it, by force when it takes too long
	frameChange   frameKind = 'C' // change: its networks are others now; descriptors come just before
	frameKeep     frameKind = 'K' // read this terminal until its command has ended; descriptors of both come just before
	frameWait     frameKind = 'W' // tell me when it has ended
)

// What a supervisor says.
const (
	frameReady  frameKind = 'r' // the request was taken
	frameStart  frameKind = 's' // the command was executed
	frameFailed frameKind = 'f' // failure: it could not be, or the request could not
	frameStdout frameKind = 'o' // bytes that it wrote
	frameStderr frameKind = 'e'
	frameTrace  frameKind = 't' // a command that took its network down, for -x
	frameNotice frameKind = 'n' // whom it waits for
	frameExit   frameKind = 'x' // exit: it has ended, and nothing of it is left
)

// maxFrame bounds a body: an order may carry a long environment.
const maxFrame = 64 << 20

// wire is one connection. Sending is safe from several goroutines.
type wire struct {
	conn *net.UnixConn
	in   *bufio.Reader
	mu   sync.Mutex
	fds  []int // descriptors that came, not yet taken
	lost error // why not all have come

	line sync.Mutex
	last <-chan struct{} // closed when what was put off last has been done
}

func newWire(conn *net.UnixConn) *wire {
	w := &wire{conn: conn}
	w.in = bufio.NewReaderSize(readerFunc(w.read), 64<<10)
	return w
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// maxFDs is how many descriptors one message may carry (SCM_MAX_FD, unix(7)).
const maxFDs = 253

// read takes bytes, and keeps the descriptors that came with them.
func (w *wire) read(p []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4*maxFDs))
	n, oobn, flags, _, err := w.conn.ReadMsgUnix(p, oob)
	if err != nil {
		return 0, err // n is -1 on a connection that this side has closed
	}
	if n == 0 {
		return 0, io.EOF
	}
	if flags&unix.MSG_CTRUNC != 0 {
		w.lost = unix.EMFILE // those that have no room in the process (unix(7))
	}
	if oobn > 0 {
		messages, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil {
			return n, err
		}
		for _, m := range messages {
			fds, err := unix.ParseUnixRights(&m)
			if err != nil {
				return n, err
			}
			w.fds = append(w.fds, fds...)
		}
	}
	return n, err
}

// later does what may have to wait for the other side to read, in the order in
// which it is called. What it returns is closed when that is done.
func (w *wire) later(do func()) <-chan struct{} {
	done := make(chan struct{})
	w.line.Lock()
	before := w.last
	w.last = done
	w.line.Unlock()
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		do()
	}()
	return done
}

// take gives the descriptors that came. They are the caller's from now on.
func (w *wire) take(name string) (files []*os.File) {
	for _, fd := range w.fds {
		files = append(files, os.NewFile(uintptr(fd), name))
	}
	w.fds = nil
	return files
}

// send sends one frame. The body may be handed over again as soon as it
// returns.
func (w *wire) send(kind frameKind, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	head := make([]byte, 5)
	head[0] = byte(kind)
	binary.BigEndian.PutUint32(head[1:], uint32(len(body)))
	buffers := net.Buffers{head, body}
	_, err := buffers.WriteTo(w.conn)
	return err
}

func (w *wire) sendJSON(kind frameKind, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.send(kind, body)
}

// sendFiles sends descriptors, in as many messages as it takes, each with one
// frame of no meaning, as a stream carries them only beside bytes.
func (w *wire) sendFiles(files []*os.File) error {
	for len(files) > 0 {
		n := min(len(files), maxFDs)
		fds := make([]int, n)
		for i, f := range files[:n] {
			fds[i] = int(f.Fd())
		}
		empty := []byte{byte(frameReady), 0, 0, 0, 0}
		if _, _, err := w.conn.WriteMsgUnix(empty, unix.UnixRights(fds...), nil); err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

// receive returns the next frame; io.EOF when the other side has gone.
func (w *wire) receive() (frameKind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		if errors.Is(err, unix.ECONNRESET) {
			err = io.EOF
		}
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes", n)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(w.in, body)
	return frameKind(head[0]), body, err
}

func (w *wire) close() error { return w.conn.Close() }

// atSocket calls f with an address of the socket file that fits into a
// sockaddr_un (108 bytes, unix(7)) however deep its folder lies.
func atSocket[T any](file string, f func(*net.UnixAddr) (T, error)) (T, error) {
	dir, err := os.OpenFile(filepath.Dir(file), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		var none T
		return none, err
	}
	defer dir.Close()
	short := filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), filepath.Base(file))
	return f(&net.UnixAddr{Net: "unix", Name: short})
}

// dial connects to the supervisor that listens at the socket file.
func dial(file string) (*wire, error) {
	conn, err := atSocket(file, func(a *net.UnixAddr) (*net.UnixConn, error) {
		return net.DialUnix("unix", nil, a)
	})
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return nil, fmt.Errorf("the supervisor's socket %s: %w", file, op.Err) // not the short name
	}
	if err != nil {
		return nil, err
	}
	return newWire(conn), nil
}

func listen(file string) (*net.UnixListener, error) {
	l, err := atSocket(file, func(a *net.UnixAddr) (*net.UnixListener, error) {
		return net.ListenUnix("unix", a)
	})
	if err == nil {
		l.SetUnlinkOnClose(false) // its folder goes with the container
	}
	return l, err
}

package load

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// chunk is how much a stream's client writes at once, in bytes: as iperf3.
const chunk = 128 << 10

// ask makes the load. It doesn't live long enough to need its garbage
// collected.
func ask(kind Kind, to netip.AddrPort, d time.Duration) (float64, error) {
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	c := clock{start: time.Now().Add(d / 10), d: d}
	switch kind {
	case Stream:
		return stream(to, c)
	case RoundTrips:
		return roundTrips(to, c)
	case Connections:
		return connections(to, c)
	case Datagrams:
		return datagrams(to, c)
	}
	return 0, fmt.Errorf("no such load: %s", kind)
}

// A clock says what counts: what is done between its start and its end.
type clock struct {
	start time.Time
	d     time.Duration
}

func (c clock) end() time.Time { return c.start.Add(c.d) }

// count does one thing after the other until the end, at least one that counts,
// and says how many were done a second.
func (c clock) count(one func() (int, error)) (perSecond float64, err error) {
	done, began := 0, time.Time{}
	for now := time.Now(); done == 0 || now.Before(c.end()); now = time.Now() {
		if began.IsZero() && !now.Before(c.start) {
			began = now
		}
		n, err := one()
		if err != nil {
			return 0, err
		}
		if !began.IsZero() {
			done += n
		}
	}
	return float64(done) / time.Since(began).Seconds(), nil
}

// stream counts what the socket takes: with its buffer full at the start and
// at the end, that is what the other side gets.
func stream(to netip.AddrPort, c clock) (float64, error) {
	fd, err := open(to, drain)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buf := make([]byte, chunk)
	bytes, err := c.count(func() (int, error) { return again(func() (int, error) { return unix.Write(fd, buf) }) })
	return 8 * bytes, os.NewSyscallError("write", err)
}

func roundTrips(to netip.AddrPort, c clock) (float64, error) {
	if err := pin(); err != nil {
		return 0, err
	}
	fd, err := open(to, echo)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	times := make([]time.Duration, 0, 1<<16)
	for began := time.Now(); began.Before(c.end()) || len(times) == 0; {
		if err := exchange(fd, []byte{0}); err != nil {
			return 0, err
		}
		now := time.Now()
		if !began.Before(c.start) {
			times = append(times, now.Sub(began))
		}
		began = now
	}
	slices.Sort(times)
	return times[len(times)/2].Seconds(), nil
}

// exchange sends a message and waits for one.
func exchange(fd int, message []byte) error {
	if _, err := again(func() (int, error) { return unix.Write(fd, message) }); err != nil {
		return os.NewSyscallError("write", err)
	}
	return receive(fd, message)
}

func receive(fd int, buf []byte) error {
	n, err := again(func() (int, error) { return unix.Read(fd, buf) })
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	return os.NewSyscallError("read", err)
}

// connections end in a reset: a TIME_WAIT each would use up the ports.
func connections(to netip.AddrPort, c clock) (perSecond float64, err error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for range atOnce {
		all.Go(func() {
			runtime.LockOSThread()
			own, failed := c.count(func() (int, error) { return 1, connect(to) })
			mu.Lock()
			defer mu.Unlock()
			perSecond += own
			err = errors.Join(err, failed)
		})
	}
	all.Wait()
	return perSecond, err
}

func connect(to netip.AddrPort) error {
	fd, err := open(to, answer)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return receive(fd, make([]byte, 1))
}

// Datagrams of that many bytes, and so many under way: a queue of the kernel
// has room for them.
const (
	datagram = 64
	underWay = 16
)

// datagrams asks one more for each answer: no queue overflows, and none is lost.
func datagrams(to netip.AddrPort, c clock) (float64, error) {
	fd, err := dial(unix.SOCK_DGRAM, to)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buf := make([]byte, datagram)
	for range underWay - 1 {
		if _, err := unix.Write(fd, buf); err != nil {
			return 0, os.NewSyscallError("write", err)
		}
	}
	return c.count(func() (int, error) { return 1, exchange(fd, buf) })
}

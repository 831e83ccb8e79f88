package load

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// ask makes the load. It doesn't live long enough to need its garbage
// collected.
func ask(kind Kind, to netip.AddrPort, d time.Duration) (time.Duration, error) {
	debug.SetGCPercent(-1)
	own, err := ownCPUs()
	if err != nil {
		return 0, err
	}
	if kind != Streams {
		if err := own.share(); err != nil {
			return 0, err
		}
	}
	switch kind {
	case Streams:
		return streams(to, d)
	case RoundTrips:
		return roundTrips(to, d)
	case Connections:
		return typical(d, func() error { return connect(to) })
	case Datagrams:
		return datagrams(to, d)
	}
	return 0, fmt.Errorf("no such load: %s", kind)
}

// typical does one thing again and again for so long, and says what it takes:
// the median, which does not know of the times when somebody else had the CPU.
// What is done in the first tenth warms up.
func typical(d time.Duration, one func() error) (time.Duration, error) {
	times := make([]time.Duration, 0, 1<<16)
	now := time.Now()
	start := now.Add(d / 10)
	end := start.Add(d)
	for now.Before(end) || len(times) == 0 {
		if err := one(); err != nil {
			return 0, err
		}
		began := now
		if now = time.Now(); !began.Before(start) {
			times = append(times, now.Sub(began))
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// chunk is how much is written to a stream at once, in bytes: as iperf3.
const chunk = 128 << 10

// streams counts what the socket takes: its buffer is as full after one as before.
func streams(to netip.AddrPort, d time.Duration) (time.Duration, error) {
	fd, err := open(to, drain)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buf := make([]byte, chunk)
	return typical(d, func() error {
		for left := StreamBytes; left > 0; {
			n, err := send(fd, buf[:min(left, chunk)])
			if err != nil {
				return err
			}
			left -= n
		}
		return nil
	})
}

func roundTrips(to netip.AddrPort, d time.Duration) (time.Duration, error) {
	fd, err := open(to, echo)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	message := make([]byte, 1)
	return typical(d, func() error {
		if _, err := send(fd, message); err != nil {
			return err
		}
		return receive(fd, message)
	})
}

// connect ends in a reset: a TIME_WAIT each would use up the ports.
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

// datagram is how long each is, in bytes.
const datagram = 64

// datagrams have room in every queue of the kernel: none is lost.
func datagrams(to netip.AddrPort, d time.Duration) (time.Duration, error) {
	fd, err := dial(unix.SOCK_DGRAM, to)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buf := make([]byte, datagram)
	return typical(d, func() error {
		for range DatagramsAtOnce {
			if _, err := send(fd, buf); err != nil {
				return err
			}
		}
		for range DatagramsAtOnce {
			if err := receive(fd, buf); err != nil {
				return err
			}
		}
		return nil
	})
}

func send(fd int, buf []byte) (int, error) {
	n, err := again(func() (int, error) { return unix.Write(fd, buf) })
	return n, os.NewSyscallError("write", err)
}

// receive gets one message, or some bytes.
func receive(fd int, buf []byte) error {
	n, err := again(func() (int, error) { return unix.Read(fd, buf) })
	if err == nil && n == 0 {
		return io.ErrUnexpectedEOF
	}
	return os.NewSyscallError("read", err)
}

// again calls until no signal interrupts: the runtime sends its threads some.
func again(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

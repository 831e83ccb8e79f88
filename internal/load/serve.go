package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Wishes, the first byte of a connection.
const (
	drain  = 'd' // read all, say nothing
	echo   = 'e' // say what was said
	answer = 'a' // one byte, and close
)

// atOnce is how many connections a server serves at once, and how many a
// client of [Connections] has.
const atOnce = 4

// serve serves until it is killed.
func serve(at netip.AddrPort) error {
	tcp, err := listen(unix.SOCK_STREAM, at)
	if err != nil {
		return err
	}
	udp, err := listen(unix.SOCK_DGRAM, at)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range atOnce {
		go func() {
			runtime.LockOSThread()
			failed <- serveTCP(tcp)
		}()
	}
	go func() {
		runtime.LockOSThread()
		failed <- serveUDP(udp)
	}()
	fmt.Println("ready")
	return <-failed
}

func serveTCP(listener int) error {
	buf := make([]byte, chunk)
	for {
		conn, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("accept", err)
		}
		serveOne(conn, buf) // a client that has gone is no failure of the server
		unix.Close(conn)
	}
}

func serveOne(conn int, buf []byte) {
	wish := buf[:1]
	if n, _ := again(func() (int, error) { return unix.Read(conn, wish) }); n != 1 {
		return
	}
	switch wish[0] {
	case answer:
		unix.Write(conn, wish)
	case drain:
		for n := 1; n > 0; {
			n, _ = again(func() (int, error) { return unix.Read(conn, buf) })
		}
	case echo:
		defer together(conn)()
		for receive(conn, wish) == nil {
			unix.Write(conn, wish)
		}
	}
}

func serveUDP(fd int) error {
	buf := make([]byte, chunk)
	for {
		n, from, err := unix.Recvfrom(fd, buf, 0)
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNREFUSED): // udp(7): of an earlier answer
			continue
		case err != nil:
			return os.NewSyscallError("recvfrom", err)
		}
		_ = unix.Sendto(fd, buf[:n], 0, from) // who asked may have gone
	}
}

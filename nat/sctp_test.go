package nat_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
)

// listenSCTP opens what Go doesn't know: an SCTP server, of its family alone.
func listenSCTP(addr netip.AddrPort, reuse int) (io.Closer, error) {
	domain := unix.AF_INET
	if addr.Addr().Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), addr.String())
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, reuse)
	var to unix.Sockaddr
	if domain == unix.AF_INET {
		to = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	} else {
		to = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
		err = cmp.Or(err, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1))
	}
	err = cmp.Or(err, unix.Bind(fd, to))
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	return f, err
}

// Without a socket anybody could have the port, as soon as the kernel has SCTP.
func TestAPortOfSCTPWantsAKernelWithSCTP(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		var want error
		if !slices.Contains(hosttest.Protocols(t), "sctp") {
			want = unix.EPROTONOSUPPORT
		}
		files, err := nat.Reserve(nat.Mapping{HostPort: 8080, Port: 80, Count: 1, Proto: "tcp"}, nat.Mapping{HostPort: 8080, Port: 80, Count: 1, Proto: "sctp"})
		if !errors.Is(err, want) || err == nil && len(files) != 2 {
			t.Errorf("%d sockets, error %v, want %v", len(files), err, want)
		}
		for _, f := range files {
			f.Close()
		}
		if err := bind("tcp", "0.0.0.0:8080", 0); err != nil {
			t.Errorf("the other port: %v", err)
		}
	})
}

func TestFindHolderOfSCTP(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		known := slices.Contains(hosttest.Protocols(t), "sctp")
		if known {
			for _, addr := range []string{"[::]:8080", "127.0.0.1:8081"} {
				l, err := listenSCTP(netip.MustParseAddrPort(addr), 0)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
			}
		}
		self := fmt.Sprintf("nat.test, pid %d", os.Getpid())
		for addr, want := range map[string]bool{
			"[::]:8080": known, "[::1]:8080": known, "0.0.0.0:8081": known, "127.0.0.1:8081": known,
			"192.0.2.1:8081": false, "0.0.0.0:8082": false,
		} {
			at := netip.MustParseAddrPort(addr)
			h, found, err := nat.FindHolder(nat.Mapping{HostIP: at.Addr(), HostPort: at.Port(), Count: 1, Proto: "sctp"})
			if err != nil || found != want || found && h.String() != self {
				t.Errorf("%s is held by %v, %v, %v; want %s: %v", addr, h, found, err, self, want)
			}
		}
	})
}

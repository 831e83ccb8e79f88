package nat_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
)

// bind tries to have a port, with SO_REUSEADDR or without.
func bind(network, addr string, reuse int) error {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, reuse)
		}), err)
	}}
	family := "4"
	if strings.HasPrefix(addr, "[") {
		family = "6" // alone
	}
	if network == "sctp" {
		l, err := listenSCTP(netip.MustParseAddrPort(addr), reuse)
		if l != nil {
			l.Close()
		}
		return err
	}
	if network == "tcp" {
		l, err := lc.Listen(context.Background(), "tcp"+family, addr)
		if err == nil {
			l.Close()
		}
		return err
	}
	c, err := lc.ListenPacket(context.Background(), "udp"+family, addr)
	if err == nil {
		c.Close()
	}
	return err
}

func reserve(t *testing.T, ms ...nat.Mapping) {
	t.Helper()
	files, err := nat.Reserve(ms...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range files {
			f.Close()
		}
	})
}

func TestAReservedPortIsTaken(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		local, local6 := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
		for _, proto := range hosttest.Protocols(t) {
			reserve(t, nat.Mapping{HostPort: 8080, Port: 80, Count: 3, Proto: proto},
				nat.Mapping{HostIP: local, HostPort: 7000, Port: 80, Count: 1, Proto: proto},
				nat.Mapping{HostIP: netip.IPv6Unspecified(), HostPort: 9080, Port: 80, Count: 2, Proto: proto},
				nat.Mapping{HostIP: local6, HostPort: 9000, Port: 80, Count: 1, Proto: proto})
			for addr, taken := range map[string]bool{
				"0.0.0.0:8080": true, "127.0.0.1:8082": true, "0.0.0.0:8083": false,
				"127.0.0.1:7000": true, "0.0.0.0:7000": true, "192.0.2.1:7000": false,
				"[::]:8080": false, "0.0.0.0:9080": false, // the families are apart
				"[::]:9080": true, "[::1]:9081": true, "[::]:9082": false,
				"[::1]:9000": true, "[::]:9000": true,
			} {
				for reuse := range 2 {
					err := bind(proto, addr, reuse)
					if errors.Is(err, unix.EADDRINUSE) != taken || !taken && err != nil {
						t.Errorf("bind %s/%s with SO_REUSEADDR %d: %v; taken: %v", addr, proto, reuse, err, taken)
					}
				}
			}
		}
	})
}

func TestReserveTakesAllPortsOrNone(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, proto := range hosttest.Protocols(t) {
			reserve(t, nat.Mapping{HostPort: 8081, Port: 81, Count: 1, Proto: proto})
			_, err := nat.Reserve(nat.Mapping{HostPort: 8080, Port: 80, Count: 2, Proto: proto})
			failed, ok := errors.AsType[*nat.BindError](err)
			if !ok || failed.HostPort != 8081 || failed.Port != 81 || failed.Proto != proto || !errors.Is(err, unix.EADDRINUSE) {
				t.Fatalf("error: %#v", err)
			}
			if got, want := err.Error(), "bind host port 0.0.0.0:8081/"+proto+": address already in use"; got != want {
				t.Errorf("error %q, want %q", got, want)
			}
			if err := bind(proto, "0.0.0.0:8080", 0); err != nil {
				t.Errorf("the other port: %v", err)
			}
			_, err = nat.Reserve(nat.Mapping{HostIP: netip.MustParseAddr("1.2.3.4"), HostPort: 80, Count: 1, Proto: proto})
			if !errors.Is(err, unix.EADDRNOTAVAIL) {
				t.Errorf("a strange address: %v", err)
			}
		}
	})
}

// The kernel binds a socket to such an address; no packet to it is for the host
// itself, so no rule would ever lead it to a container.
func TestAnAddressOfManyIsNoneOfTheHosts(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, way := range []string{":", "ip route del default", "sysctl -qw net.ipv4.ip_nonlocal_bind=1"} {
			m.Sh(t, way)
			for ip, want := range map[string]error{
				"255.255.255.255": unix.EADDRNOTAVAIL,
				"192.0.2.255":     unix.EADDRNOTAVAIL,
				"127.255.255.255": unix.EADDRNOTAVAIL,
				"224.0.0.1":       unix.EADDRNOTAVAIL,
				"239.1.2.3":       unix.EADDRNOTAVAIL,
				"192.0.2.1":       nil,
				"127.0.0.9":       nil,
				"ff02::1":         unix.EADDRNOTAVAIL,
				"::1":             nil,
				"::":              nil,
				"0.0.0.0":         nil,
			} {
				for _, proto := range hosttest.Protocols(t) {
					files, err := nat.Reserve(nat.Mapping{HostIP: netip.MustParseAddr(ip), HostPort: 80, Port: 80, Count: 2, Proto: proto})
					if !errors.Is(err, want) {
						t.Errorf("after %s: %s/%s: %v, want %v", way, ip, proto, err, want)
					}
					for _, f := range files {
						f.Close()
					}
				}
			}
		}
		files, err := nat.Reserve(nat.Mapping{HostIP: netip.MustParseAddr("198.51.100.1"), HostPort: 80, Count: 1, Proto: "tcp"})
		if err != nil {
			t.Fatalf("an address that is yet to come, where the kernel is told to allow those: %v", err)
		}
		files[0].Close()
	})
}

func TestAnEarlierServersConnectionsAreNotInTheWay(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		l, err := net.Listen("tcp4", "127.0.0.1:8080")
		if err != nil {
			t.Fatal(err)
		}
		client, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		server.Close() // first: its end goes to TIME_WAIT
		client.Read(make([]byte, 1))
		client.Close()
		l.Close()
		if states := m.Sh(t, "ss -Htan sport = :8080"); states == "" {
			t.Fatal("no connection in TIME_WAIT to try with")
		}
		reserve(t, nat.Mapping{HostPort: 8080, Port: 80, Count: 1, Proto: "tcp"})
	})
}

func TestFindHolder(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ip addr add 192.0.2.7/24 dev uplink")
		self := fmt.Sprintf("nat.test, pid %d", os.Getpid())
		l, err := net.Listen("tcp", "[::]:8080") // of both families
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		reserve(t, nat.Mapping{HostPort: 8081, Count: 1, Proto: "tcp"},
			nat.Mapping{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: 53, Count: 1, Proto: "udp"},
			nat.Mapping{HostIP: netip.IPv6Unspecified(), HostPort: 53, Count: 1, Proto: "udp"},
			nat.Mapping{HostIP: netip.IPv6Loopback(), HostPort: 54, Count: 1, Proto: "udp"},
			nat.Mapping{HostIP: netip.IPv4Unspecified(), HostPort: 55, Count: 1, Proto: "udp"},
			nat.Mapping{HostIP: netip.IPv6Unspecified(), HostPort: 56, Count: 1, Proto: "udp"})
		for _, test := range []struct {
			ip    string
			port  uint16
			proto string
			found bool
		}{
			{"0.0.0.0", 8080, "tcp", true},
			{"127.0.0.1", 8080, "tcp", true},
			{"0.0.0.0", 8081, "tcp", listsBound(t)},
			{"0.0.0.0", 53, "udp", true},
			{"127.0.0.1", 53, "udp", true},
			{"192.0.2.7", 53, "udp", false},
			{"0.0.0.0", 53, "tcp", false},
			{"::", 8080, "tcp", true},
			{"::1", 8080, "tcp", true},
			{"::1", 53, "udp", true},
			{"::", 54, "udp", true},
			{"0.0.0.0", 54, "udp", false}, // the families are apart
			{"0.0.0.0", 56, "udp", false},
			{"::", 55, "udp", false},
			{"::1", 55, "udp", false},
			{"0.0.0.0", 8080, "udp", false},
		} {
			mapping := nat.Mapping{HostIP: netip.MustParseAddr(test.ip), HostPort: test.port, Count: 1, Proto: test.proto}
			h, found, err := nat.FindHolder(mapping)
			if err != nil || found != test.found || found && h.String() != self {
				t.Errorf("%s/%s is held by %v, %v, %v; want %s: %v", mapping.HostAddr(), test.proto, h, found, err, self, test.found)
			}
		}
	})
}

// listsBound says that the kernel lists sockets that are bound and do not
// listen: since Linux 6.8.
func listsBound(t *testing.T) bool {
	t.Helper()
	var u unix.Utsname
	var major, minor int
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major > 6 || major == 6 && minor >= 8
}

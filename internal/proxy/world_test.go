package proxy

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// address adds an IPv6 address in a network namespace and waits until packets
// to it arrive: the kernel sees to that later, nodad or not.
func address(t *testing.T, m *hosttest.Machine, ns plan.NS, prefix, dev string) {
	t.Helper()
	at := netns.None()
	run := m.Sh
	if ns != "" {
		var err error
		if at, err = netns.GetFromName(string(ns)); err != nil {
			t.Fatal(err)
		}
		defer at.Close()
		run = m.Outside
	}
	news, done := make(chan netlink.AddrUpdate, 16), make(chan struct{})
	if err := netlink.AddrSubscribeAt(at, news, done); err != nil {
		t.Fatal(err)
	}
	defer func() {
		close(done)
		for range news { // until it is closed: nothing is left then
		}
	}()
	run(t, "ip addr add "+prefix+" nodad dev "+dev)
	late := time.After(patience)
	for want := netip.MustParsePrefix(prefix).Addr(); ; {
		select {
		case u := <-news:
			if ip, _ := netip.AddrFromSlice(u.LinkAddress.IP); ip == want && u.Flags&unix.IFA_F_TENTATIVE == 0 {
				return
			}
		case <-late:
			t.Fatalf("no address %s", prefix)
		}
	}
}

// An outsiderSocket is one of fe80::2 outside.
type outsiderSocket struct {
	fd   int
	link uint32 // index of its device there
}

func outsider(t *testing.T, kind int) (s outsiderSocket) {
	t.Helper()
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // without unlock: the thread ends with the goroutine
		made <- s.open(kind)
	}()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *outsiderSocket) open(kind int) error {
	ns, err := netns.GetFromName("outside")
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns), unix.CLONE_NEWNET); err != nil {
		return err
	}
	if s.fd, err = unix.Socket(unix.AF_INET6, kind|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	eth0, err := unix.NewIfreq("eth0")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(s.fd, unix.SIOCGIFINDEX, eth0); err != nil {
		return err
	}
	s.link = eth0.Uint32()
	late := unix.NsecToTimeval(int64(patience))
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &late); err != nil {
		return err
	}
	return unix.Bind(s.fd, s.near(2, 0))
}

// near is a port of fe80::N on the link.
func (s *outsiderSocket) near(n byte, port int) unix.Sockaddr {
	return &unix.SockaddrInet6{Addr: [16]byte{0: 0xfe, 1: 0x80, 15: n}, ZoneId: s.link, Port: port}
}

// outside is a connection from fe80::2 outside to port 80 of fe80::1.
func outside(t *testing.T, kind int) net.Conn {
	t.Helper()
	s := outsider(t, kind)
	file := os.NewFile(uintptr(s.fd), "outside")
	defer file.Close()
	if err := unix.Connect(s.fd, s.near(1, 80)); err != nil {
		t.Fatal(err)
	}
	c, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

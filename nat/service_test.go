package nat_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/minibridge/minibridge/plan"
)

// patience is how long something that must come is waited for; soon is how
// long something that must not come has to arrive.
const (
	patience = 10 * time.Second
	soon     = 400 * time.Millisecond
)

// serve answers each client with the port that it reached and the address it
// is seen with: "80 from 192.0.2.2".
func serve(t *testing.T, ns plan.NS, network, addr string) {
	t.Helper()
	var running sync.WaitGroup
	if network == "tcp" {
		var l net.Listener
		inside(t, ns, func() (err error) { l, err = net.Listen("tcp"+family(addr), addr); return err })
		t.Cleanup(func() { l.Close(); running.Wait() })
		running.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				fmt.Fprint(c, seen(c.LocalAddr(), c.RemoteAddr()))
				c.Close()
			}
		})
		return
	}
	var c net.PacketConn
	inside(t, ns, func() (err error) { c, err = net.ListenPacket("udp"+family(addr), addr); return err })
	t.Cleanup(func() { c.Close(); running.Wait() })
	running.Go(func() {
		b := make([]byte, 64)
		for {
			_, client, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			c.WriteTo([]byte(seen(c.LocalAddr(), client)), client)
		}
	})
}

// family is what the name of a network ends in for this address and port.
func family(addr string) string {
	if addr[0] == '[' {
		return "6"
	}
	return "4"
}

func seen(local, remote net.Addr) string {
	_, port, _ := net.SplitHostPort(local.String())
	ip, _, _ := net.SplitHostPort(remote.String())
	return port + " from " + ip
}

// inside opens a socket in a namespace.
func inside(t *testing.T, ns plan.NS, open func() error) {
	t.Helper()
	if err := ns.Do(open); err != nil {
		t.Fatal(err)
	}
}

// ask asks a service; one that can't be reached, or not in time, is "nothing".
func ask(t *testing.T, ns plan.NS, network, addr string, wait time.Duration) string {
	t.Helper()
	var c net.Conn
	err := ns.Do(func() (err error) { c, err = net.DialTimeout(network+family(addr), addr, wait); return err })
	if err != nil {
		return "nothing"
	}
	defer c.Close()
	return talk(t, c, wait)
}

// talk has one question answered over a connection.
func talk(t *testing.T, c net.Conn, wait time.Duration) string {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	if _, udp := c.(*net.UDPConn); udp {
		c.Write([]byte("?")) // an error of an earlier packet: the answer, or none, tells
	}
	b := make([]byte, 64)
	n, err := c.Read(b)
	if n == 0 && err == nil || errors.Is(err, os.ErrClosed) {
		t.Fatalf("read: %v", err)
	}
	if err != nil {
		return "nothing"
	}
	return string(b[:n])
}

package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

const somewhere = "127.0.0.2:0" // where a container would be

func TestEachSideMayEndFirst(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		t.Run("the client", func(t *testing.T) {
			c := dial(t, proxied(t, "tcp", listen(t, somewhere, func(c *net.TCPConn) {
				question, _ := io.ReadAll(c)
				io.WriteString(c, strings.ToUpper(string(question)))
			})))
			io.WriteString(c, "a question")
			c.CloseWrite()
			hear(t, c, "A QUESTION")
			ended(t, c)
		})
		t.Run("the container", func(t *testing.T) {
			said := make(chan string, 1)
			c := dial(t, proxied(t, "tcp", listen(t, somewhere, func(c *net.TCPConn) {
				io.WriteString(c, "go on")
				c.CloseWrite()
				rest, _ := io.ReadAll(c)
				said <- string(rest)
			})))
			hear(t, c, "go on")
			ended(t, c)
			io.WriteString(c, "a long story")
			c.CloseWrite()
			if got := <-said; got != "a long story" {
				t.Errorf("after its end the container heard %q", got)
			}
		})
	})
}

// A writer that outruns its reader is held up by full buffers of the kernel,
// in both directions at once; nothing is lost, and the proxy keeps nothing.
func TestAWriterHasToWaitForTheReader(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		read := make(chan bool)
		sums := make(chan int64, 2)
		at := listen(t, somewhere, func(c *net.TCPConn) {
			sums <- flood(t, c)
			<-read
			n, _ := io.Copy(io.Discard, c)
			sums <- n
		})
		c := dial(t, proxied(t, "tcp", at))
		there, here := flood(t, c), <-sums
		close(read)
		if n, err := io.Copy(io.Discard, c); n != here || err != nil {
			t.Errorf("of %d bytes that were sent, %d came: %v", here, n, err)
		}
		if n := <-sums; n != there {
			t.Errorf("of %d bytes that were sent, %d came to the container", there, n)
		}
	})
}

// flood writes until that is of no use for a while, and ends.
func flood(t testing.TB, c *net.TCPConn) (n int64) {
	const much = 64 << 20 // more than the buffers of four sockets
	piece := make([]byte, 1<<20)
	for {
		c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		some, err := c.Write(piece)
		n += int64(some)
		if err != nil {
			c.CloseWrite()
			return n
		}
		if n > much {
			t.Errorf("%d bytes went in, and nobody has read one", n)
			return n
		}
	}
}

func TestManyBytesComeInOrder(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := dial(t, proxied(t, "tcp", listen(t, somewhere, echo)))
		var want strings.Builder
		for i := range 1 << 18 {
			fmt.Fprintln(&want, i)
		}
		go func() {
			io.WriteString(c, want.String())
			c.CloseWrite()
		}()
		if got, err := io.ReadAll(c); string(got) != want.String() || err != nil {
			t.Errorf("%d bytes came back of %d, or others: %v", len(got), want.Len(), err)
		}
	})
}

func TestTwoThousandConnectionsAtOnce(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		addr := proxied(t, "tcp", listen(t, somewhere, echo))
		clients := make([]*net.TCPConn, 2000)
		for i := range clients {
			clients[i] = dial(t, addr)
		}
		for i, c := range clients {
			fmt.Fprintf(c, "client %d", i)
		}
		for i, c := range clients {
			hear(t, c, fmt.Sprintf("client %d", i))
			c.CloseWrite()
			ended(t, c)
		}
	})
}

func TestAResetIsPassedOn(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		t.Run("of the container", func(t *testing.T) {
			c := dial(t, proxied(t, "tcp", listen(t, somewhere, func(c *net.TCPConn) {
				c.Read(make([]byte, 1))
				c.SetLinger(0)
			})))
			io.WriteString(c, "x")
			isReset(t, c)
		})
		for _, what := range []string{"of the client", "of a client that had ended", "of a client with nobody who reads"} {
			t.Run(what, func(t *testing.T) {
				came, heard := make(chan bool), make(chan error, 1)
				c := dial(t, proxied(t, "tcp", listen(t, somewhere, func(c *net.TCPConn) {
					close(came)
					heard <- hangup(c)
				})))
				<-came
				switch what {
				case "of a client that had ended":
					c.CloseWrite()
				case "of a client with nobody who reads":
					flood(t, c)
				}
				c.SetLinger(0)
				c.Close()
				if err := <-heard; !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, unix.EPIPE) {
					t.Errorf("the container heard, in place of a reset: %v", err)
				}
			})
		}
	})
}

// hangup reads nothing, and gives the error that the connection ends with. It
// is EPIPE where the other side had ended before.
func hangup(c *net.TCPConn) (err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	raw.Control(func(fd uintptr) {
		var errno int
		unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, int(patience.Milliseconds())) // POLLERR comes unasked
		if errno, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil {
			err = unix.Errno(errno)
		}
	})
	return err
}

func TestNobodyThere(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for what, target := range map[string]func(uint16) (netip.Addr, bool){
			"nowhere":          func(uint16) (netip.Addr, bool) { return netip.Addr{}, false },
			"no such address":  to(netip.Addr{}),
			"refused":          to(netip.MustParseAddr("127.0.0.2")),
			"refused by IPv6":  to(netip.MustParseAddr("::1")),
			"no route":         to(netip.MustParseAddr("fd00::9")),
			"not to be dialed": to(netip.MustParseAddr("255.255.255.255")),
		} {
			s, addr := bound(t, "tcp", "[::1]:0", 9)
			start(t, target, s)
			t.Log(what)
			broken(t, addr)
		}
	})
}

func TestUrgentDataHoldsNothingUp(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := dial(t, proxied(t, "tcp", listen(t, somewhere, echo)))
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "before")
		raw.Control(func(fd uintptr) { err = unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB, nil) })
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "after")
		c.CloseWrite()
		hear(t, c, "beforeafter") // as for who reads without MSG_OOB
		ended(t, c)
	})
}

package proxy

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// ways measures the same beside each other: with the service itself, and by the
// proxy. The time of the processor is that of client, proxy and service.
func ways(b *testing.B, serve func(*net.TCPConn), measure func(b *testing.B, dial func() *net.TCPConn)) {
	direct := listen(b, somewhere, serve)
	proxy := proxied(b, "tcp", direct)
	for i, at := range []netip.AddrPort{direct, proxy} {
		addr := net.TCPAddrFromAddrPort(at)
		b.Run([]string{"way=direct", "way=proxy"}[i], func(b *testing.B) {
			before := processor(b)
			measure(b, func() *net.TCPConn {
				c, err := net.DialTCP("tcp", nil, addr)
				if err != nil {
					b.Error(err)
				}
				return c
			})
			b.ReportMetric(float64(processor(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// Eight clients connect, ask and have an answer, one time after the other.
func BenchmarkConnections(b *testing.B) {
	ways(b, echo, func(b *testing.B, dial func() *net.TCPConn) {
		const clients = 8
		var work sync.WaitGroup
		for w := range clients {
			work.Go(func() {
				for range (b.N + w) / clients {
					c := dial()
					if c == nil {
						return
					}
					io.WriteString(c, "hello")
					c.CloseWrite()
					if got, err := io.ReadAll(c); string(got) != "hello" {
						b.Error(string(got), err)
					}
					c.Close()
				}
			})
		}
		work.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "connections/s")
	})
}

// A client reads what comes as fast as it can.
func BenchmarkThroughput(b *testing.B) {
	piece := make([]byte, 256<<10)
	write := func(c *net.TCPConn) {
		for {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}
	ways(b, write, func(b *testing.B, dial func() *net.TCPConn) {
		b.SetBytes(int64(len(piece)))
		exchanges(b, dial(), nil, make([]byte, len(piece)))
	})
}

// A client asks when it has the answer to its last question.
func BenchmarkRoundTrip(b *testing.B) {
	ways(b, echo, func(b *testing.B, dial func() *net.TCPConn) {
		exchanges(b, dial(), make([]byte, 64), make([]byte, 64))
	})
}

func exchanges(b *testing.B, c *net.TCPConn, question, answer []byte) {
	if c == nil {
		return
	}
	defer c.Close()
	for range b.N {
		c.Write(question)
		if _, err := io.ReadFull(c, answer); err != nil {
			b.Fatal(err)
		}
	}
}

// Datagrams of 64 bytes, each sent when the one before has come back.
func BenchmarkDatagrams(b *testing.B) {
	direct := answer(b, somewhere)
	proxy := proxied(b, "udp", direct)
	for i, at := range []netip.AddrPort{direct, proxy} {
		b.Run([]string{"way=direct", "way=proxy"}[i], func(b *testing.B) {
			c, buf := client(b, at), make([]byte, 64)
			for range b.N {
				c.Write(buf)
				if _, err := c.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

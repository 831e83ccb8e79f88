package dns

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// Each of them has one packet, sent before the first answer is read.
func TestTwoThousandQueriesAtOnce(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		start(t, Config{Names: peers(), Upstreams: list(upstream(t, 53, known))})
		for _, name := range []string{"web.", "example.com."} {
			clients := make([]*dns.Conn, 2000)
			for i := range clients {
				conn, err := dns.Dial("udp", own)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				clients[i] = conn
			}
			for _, conn := range clients {
				if err := conn.WriteMsg(new(dns.Msg).SetQuestion(name, dns.TypeA)); err != nil {
					t.Fatal(err)
				}
			}
			lost := 0
			for _, conn := range clients {
				if m, err := conn.ReadMsg(); err != nil || m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
					lost++
				}
			}
			if lost > 0 {
				t.Errorf("%s: %d are lost", name, lost)
			}
		}
	})
}

// All of them are there before the server reads the first.
func TestABurstOfTwentyThousandFindsRoom(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		const burst = 20_000
		udp, tcp := sockets(t, own)
		client, err := net.DialUDP("udp", nil, udp.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		enlarge(udp)
		enlarge(client)
		raw := pack(new(dns.Msg).SetQuestion("w2.", dns.TypeA))
		for range burst {
			if _, err := client.Write(raw); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() {
			if err := Serve(ctx, Config{Names: peers()}, udp, tcp); err != nil {
				t.Error(err)
			}
		})
		client.SetDeadline(time.Now().Add(20 * time.Second))
		buf := make([]byte, dns.MinMsgSize)
		for i := range burst {
			if _, err := client.Read(buf); err != nil {
				t.Errorf("%d are lost: %v", burst-i, err)
				break
			}
		}
		cancel()
		work.Wait()
	})
}

func TestGarbageDoesNoHarm(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		start(t, Config{Names: peers(), Upstreams: func() []Upstream { return nil }})
		random := rand.NewChaCha8([32]byte{})
		for _, network := range []string{"udp", "tcp"} {
			for i := range 200 {
				conn, err := net.Dial(network, own)
				if err != nil {
					t.Fatal(err)
				}
				for range 50 {
					b := make([]byte, i*i*60000/(199*199))
					random.Read(b)
					if _, err := conn.Write(b); err != nil {
						break // it hung up
					}
				}
				conn.Close()
			}
			if got := show(ask(t, network, "w2.", dns.TypeA)); got != "NOERROR rd ra, w2. 600 IN A 172.18.0.3" {
				t.Errorf("after garbage by %s: %s", network, got)
			}
		}
	})
}

package dns

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Eight clients ask for a peer's name, each one query after the other, at
// 127.0.0.1 of wherever it runs.
func BenchmarkServe(b *testing.B) {
	udp, tcp := sockets(b, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(b.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() {
		if err := Serve(ctx, Config{Names: peers()}, udp, tcp); err != nil {
			b.Error(err)
		}
	})
	const workers = 8
	raw := pack(new(dns.Msg).SetQuestion("w2.n1.", dns.TypeA))
	b.ResetTimer()
	var clients sync.WaitGroup
	for w := range workers {
		clients.Go(func() {
			conn, err := net.Dial("udp", udp.LocalAddr().String())
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			buf := make([]byte, dns.MinMsgSize)
			for range (b.N + w) / workers {
				conn.Write(raw)
				if _, err := conn.Read(buf); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
}

// What of it is not the sockets'.
func BenchmarkAnswer(b *testing.B) {
	s := newServer(Config{Names: peers()})
	raw := pack(new(dns.Msg).SetQuestion("w2.n1.", dns.TypeA))
	b.ReportAllocs()
	for b.Loop() {
		if q, _ := read(raw, "udp"); s.own(q) == nil {
			b.Fatal("no answer")
		}
	}
}

package main

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// The load on a name server: as many clients as that, each with one question
// after the other.
const (
	clients  = 8
	duration = 2 * time.Second
	patience = time.Second // for one answer
)

// askNames is the load itself, from inside a container: it prints how many
// answers a second there were.
func askNames(server, name string) error {
	question, err := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA).Pack()
	if err != nil {
		return err
	}
	var answers atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, clients)
	began := time.Now()
	for range clients {
		all.Go(func() {
			conn, err := net.Dial("udp", server)
			if err != nil {
				failed <- err
				return
			}
			defer conn.Close()
			conn.SetDeadline(began.Add(duration + patience))
			buf := make([]byte, dns.MinMsgSize)
			for time.Since(began) < duration {
				if _, err := conn.Write(question); err != nil {
					failed <- err
					return
				}
				n, err := conn.Read(buf)
				if err == nil && (n < 12 || buf[3]&0xF != dns.RcodeSuccess || buf[7] == 0) {
					err = fmt.Errorf("%s has no address for %s", server, name)
				}
				if err != nil {
					failed <- err
					return
				}
				answers.Add(1)
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	took := time.Since(began)
	fmt.Printf("BenchmarkNames \t%d\t%d ns/op\t%.0f queries/s\n",
		answers.Load(), took.Nanoseconds()/answers.Load(), float64(answers.Load())/took.Seconds())
	return nil
}

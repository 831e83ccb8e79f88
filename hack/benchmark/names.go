package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// The load on a name server: as many clients as that, each with one question
// after the other.
const (
	clients  = 8
	duration = 300 * time.Millisecond
	patience = time.Second // for one answer
)

// names is what a container's name server takes for an answer, asked by so many
// clients at once inside the container.
var names = group{name: "Names", subjects: []subject{{"answers", func(program string) (func() (times, error), error) {
	c := command{program}
	if _, err := c.time("network", "create", "names"); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return func() (times, error) {
		out, err := exec.Command(program, "run", "--rm", "--name", "asker", "--network", "names", self, asAsker, "127.0.0.11:53", "asker").Output()
		if err != nil {
			return nil, err
		}
		each, err := time.ParseDuration(strings.TrimSpace(string(out)))
		return times{"answer": each}, err
	}, nil
}}}}

// asAsker is the first argument of a process that asks a name server.
const asAsker = "ask"

// askNames is the load itself, from inside a container: it prints what an answer
// takes, of as many as come at once.
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
	fmt.Println(time.Since(began) / time.Duration(answers.Load()))
	return nil
}

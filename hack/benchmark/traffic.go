package main

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"time"

	"github.com/minibridge/minibridge/internal/load"
	"github.com/minibridge/minibridge/internal/machine"
)

// traffic is what packets take, from outside: to a server on the host of a
// machine without any rules, to one on a host that knows flows but translates
// none of these (conntrack alone), and to the port of a container that was
// published last of many.
var traffic = group{
	name: "Traffic",
	subjects: []subject{
		{"bare", noRules},
		{"iptables-1", publishedLast("iptables", 1)},
		{"iptables-1000", publishedLast("iptables", 1000)},
		{"iptables-5000", publishedLast("iptables", 5000)},
		{"nftables-1", publishedLast("nftables", 1)},
		{"nftables-1000", publishedLast("nftables", 1000)},
		{"nftables-5000", publishedLast("nftables", 5000)},
	},
	goals: []goal{
		{"nftables-5000", "port-connection", "nftables-1", 1 / 0.95},
	},
}

// Ports of the host: its own server's, and that of the container's.
const (
	hostsOwn  = 5201
	published = 5202
)

func noRules(string) (func() (times, error), error) {
	return func() (times, error) {
		took := times{}
		return took, measure(took, "host", hostsOwn)
	}, serveHost()
}

func publishedLast(firewall string, number int) func(string) (func() (times, error), error) {
	return func(program string) (func() (times, error), error) {
		if err := serveHost(); err != nil {
			return nil, err
		}
		c := command{program}
		others := []string{"--firewall", firewall, "run", "-d"}
		for i := range number - 1 {
			others = append(others, "-p", fmt.Sprintf("%d:80", firstOther+i))
		}
		if _, err := c.time(append(others, "sleep", "infinity")...); err != nil {
			return nil, err
		}
		server, err := load.Server(netip.AddrPortFrom(netip.IPv4Unspecified(), hostsOwn))
		if err != nil {
			return nil, err
		}
		args := []string{"run"}
		for _, proto := range []string{"tcp", "udp"} {
			args = append(args, "-p", fmt.Sprintf("%d:%d/%s", published, hostsOwn, proto))
		}
		return func() (times, error) {
			took := times{}
			if err := measure(took, "host", hostsOwn); err != nil {
				return nil, err
			}
			return took, measure(took, "port", published)
		}, load.Start(exec.Command(program, append(args, server...)...))
	}
}

func serveHost() error {
	server, err := load.Server(netip.AddrPortFrom(netip.IPv4Unspecified(), hostsOwn))
	if err != nil {
		return err
	}
	return load.Start(exec.Command(server[0], server[1:]...))
}

// measure takes the times of all kinds of load.
func measure(took times, what string, port uint16) (err error) {
	for _, kind := range []struct {
		name string
		load.Kind
		each time.Duration
	}{
		{"connection", load.Connections, 1},
		{"roundtrip", load.RoundTrips, 1},
		{"datagram", load.Datagrams, load.DatagramsAtOnce},
		{"mebibyte", load.Streams, load.StreamBytes >> 20},
	} {
		one, err := load.Measure(context.Background(), machine.Outside, kind.Kind, netip.AddrPortFrom(machine.Address, port), 50*time.Millisecond)
		if err != nil {
			return err
		}
		took[what+"-"+kind.name] = one / kind.each
	}
	return nil
}

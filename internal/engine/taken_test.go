package engine_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
)

// takers are the verbs that take ports of the host, with what comes before and
// after each.
var takers = map[string]struct{ before, verb, after string }{
	"run":     {"true", "run -d --name fresh -p SPEC sleep 1000", "minibridge rm -f fresh"},
	"start":   {"minibridge create --name ready -p SPEC sleep 1000", "start ready", "minibridge rm -f ready"},
	"publish": {"true", "publish idle -p 7000:7000 -p SPEC", "minibridge unpublish idle -p 7000:7000 -p SPEC"},
	"network connect": {
		"minibridge run -d --name hidden --network back -p SPEC sleep 1000", "network connect bridge hidden", "minibridge rm -f hidden",
	},
}

// eachTaker runs a test for each of them, with both firewalls.
func eachTaker(t *testing.T, f func(t *testing.T, m *hosttest.Machine, verb string)) {
	for _, firewall := range []string{"iptables", "nftables"} {
		t.Run(firewall, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				t.Setenv("MINIBRIDGE_FIREWALL", firewall)
				m.Sh(t, "minibridge network create --internal back; minibridge run -d --name idle sleep 1000")
				for verb := range takers {
					f(t, m, verb)
				}
			})
		})
	}
}

// refused wants a verb, and its dry run, to fail with each of these words and
// to change nothing; once cured is done, the verb does it.
func refused(t *testing.T, m *hosttest.Machine, verb, spec string, words []string, cured func()) {
	t.Helper()
	with := strings.NewReplacer("SPEC", "'"+spec+"'")
	taker := takers[verb]
	m.Sh(t, with.Replace(taker.before))
	settled(t, m)
	before := m.State(t)
	for _, program := range []string{"minibridge --dry-run ", "minibridge "} {
		out, code := m.Try(program + with.Replace(taker.verb))
		for _, word := range words {
			if code == 0 || !strings.Contains(out, word) {
				t.Errorf("%s%s with %s: exit code %d: %s\nwant: %s", program, verb, spec, code, out, word)
			}
		}
	}
	settled(t, m)
	if after := m.State(t); after != before {
		t.Errorf("%s with %s leaves:\n%s", verb, spec, hosttest.Diff(before, after))
	}
	cured()
	m.Sh(t, "minibridge "+with.Replace(taker.verb)+" && "+with.Replace(taker.after))
}

// A range is published as a whole or not at all: the error names the port that
// is somebody else's, and who has it.
func TestARangeOfWhichOnePortIsTaken(t *testing.T) {
	eachTaker(t, func(t *testing.T, m *hosttest.Machine, verb string) {
		comm, err := os.ReadFile("/proc/self/comm")
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct{ network, addr, spec, want string }{
			{"tcp4", "127.0.0.1:8005", "8000-8009:80-89", "0.0.0.0:8005"},
			{"udp4", "0.0.0.0:8005", "127.0.0.1:8000-8009:80-89/udp", "127.0.0.1:8005"},
			{"tcp6", "[::1]:8005", "8000-8009:8000-8009", "[::]:8005"},
			{"udp6", "[::]:8005", "[::1]:8000-8009:8000-8009/udp", "[::1]:8005"},
		} {
			holder := hold(t, test.network, test.addr)
			proto := test.network[:3]
			refused(t, m, verb, test.spec, []string{
				"failed to bind host port for " + test.want + ":172.17.0.",
				fmt.Sprintf("/%s: address already in use (held by %s, pid %d)", proto, strings.TrimSpace(string(comm)), os.Getpid()),
			}, func() {
				others(t, proto)
				holder.Close()
			})
		}
	})
}

// others wants the range's other ports to be free.
func others(t *testing.T, proto string) {
	t.Helper()
	files, err := nat.Reserve(nat.Mapping{HostPort: 8000, Count: 5, Proto: proto}, nat.Mapping{HostPort: 8006, Count: 4, Proto: proto})
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		f.Close()
	}
}

// hold binds a port, as another program would.
func hold(t *testing.T, network, addr string) io.Closer {
	t.Helper()
	var holder io.Closer
	var err error
	if strings.HasPrefix(network, "udp") {
		holder, err = net.ListenPacket(network, addr)
	} else {
		holder, err = net.Listen(network, addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return holder
}

func TestAnAddressThatTheHostHasNot(t *testing.T) {
	eachTaker(t, func(t *testing.T, m *hosttest.Machine, verb string) {
		for spec, want := range map[string]string{
			"198.51.100.7:8000-8001:80-81":        "198.51.100.7:8000:172.17.0.",
			"198.51.100.7::80/udp":                "198.51.100.7:",
			"[2001:db8:9::7]:8000-8001:80-81/udp": "[2001:db8:9::7]:8000:172.17.0.",
		} {
			refused(t, m, verb, spec, []string{"failed to bind host port for " + want, ": cannot assign requested address\n"}, func() {
				m.Sh(t, "ip addr add 198.51.100.7 dev lo; ip addr add 2001:db8:9::7 dev lo nodad")
			})
			m.Sh(t, "ip addr del 198.51.100.7 dev lo; ip addr del 2001:db8:9::7 dev lo")
		}
	})
}

// What can't be read is refused by each verb that reads it.
func TestPortsThatThereAreNot(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name idle sleep 1000")
		before := m.State(t)
		for spec, want := range map[string]string{
			"80:0":            "invalid containerPort: 0 (",
			"8000:65536":      "invalid containerPort: 65536",
			"65536:80":        "invalid hostPort: 65536",
			"0-3:80-83":       "invalid hostPort: 0-3 (",
			"8083-8080:80":    "invalid hostPort: 8083-8080",
			"8080:83-80":      "invalid containerPort: 83-80",
			"8080-8081:80-82": "invalid ranges specified for container and host Ports: 80-82 and 8080-8081",
			"80/dccp":         "invalid proto: dccp",
		} {
			for _, verb := range []string{"run -p SPEC true", "create -p SPEC true", "publish idle -p 7000:7000 -p SPEC", "unpublish idle -p SPEC", "--dry-run run -p SPEC true", "--dry-run publish idle -p SPEC"} {
				out, code := m.Try("minibridge " + strings.ReplaceAll(verb, "SPEC", spec))
				if code != 125 || !strings.HasPrefix(out, "minibridge: "+want) {
					t.Errorf("%s with %s: exit code %d: %s\nwant: %s", verb, spec, code, out, want)
				}
			}
		}
		if after := m.State(t); after != before {
			t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
		}
	})
}

package nat

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/go-connections/nat"
)

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{
		"80", "8080-8083:80", "127.0.0.1::80-90/udp", "[::1]:1:1/sctp", "published=8080,target=80", "0-3:1-4", "::1:80/tcp/x",
		"+80:80", "0--0:80", "80-82-84", "1-3:1-2-3", "[::1%]:8:8", "[::ffff:1.2.3.4]:8:8", "/udp/tcp", "0:0/foo", "0-0:80", "a=+,target=80", "80/tcp/+", "0-3:80-83",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, err := ParseSpec(value)
		pairs := library(value)
		if (err == nil) != (pairs != nil) {
			t.Fatalf("%q is read as %+v, %v, and by go-connections as %v", value, s, err, pairs)
		}
		if err != nil {
			return
		}
		again, err := ParseSpec(s.String())
		if err != nil || again != s {
			t.Errorf("%q is read as %+v and printed as %q, which is read as %+v, %v", value, s, s, again, err)
		}
		if s.Count() != len(pairs) {
			t.Fatalf("%q is read as %s, and by go-connections as %d ports", value, s, len(pairs))
		}
		ports := s.Ports()
		for i, pair := range pairs {
			if got := pairOf(s, ports[i], i); got != pair {
				t.Errorf("%q is read as %s: %v, and by go-connections as %v", value, s, got, pair)
			}
		}
	})
}

// library is what go-connections reads a value as; nil when it refuses it, or
// when it is one of the few that are refused here alone. The long form, and what
// stands behind a second slash, it leaves to the docker command. Zero is any
// port, and an address is as it prints here.
func library(value string) []nat.PortMapping {
	short, err := shortForm(value)
	if err != nil {
		return nil
	}
	host, ctr := cutLast(short)
	number, proto := cutProto(ctr)
	pairs, err := nat.ParsePortSpec(host + number + "/" + proto)
	if err != nil || refusedHere(host+number, pairs) {
		return nil
	}
	for i := range pairs {
		b := &pairs[i].Binding
		if b.HostPort == "0" {
			b.HostPort = ""
		}
		if ip, err := netip.ParseAddr(b.HostIP); err == nil {
			b.HostIP = ip.Unmap().String()
		}
	}
	return pairs
}

// refusedHere says that Docker 28 refuses a number, too, as it has a sign, or
// that zero would be a port.
func refusedHere(form string, pairs []nat.PortMapping) bool {
	hosts := pairs[0].Binding.HostPort
	return strings.Contains(form, "+") || strings.Contains(form, "--") || pairs[0].Port.Int() == 0 ||
		strings.HasPrefix(hosts, "0-") || len(pairs) > 1 && hosts == "0"
}

// pairOf is the i'th port of a spec, as the library has it.
func pairOf(s Spec, port Port, i int) nat.PortMapping {
	pair := nat.PortMapping{Port: nat.Port(port.String())}
	if s.HostIP.IsValid() {
		pair.Binding.HostIP = s.HostIP.String()
	}
	switch {
	case s.Ephemeral():
	case s.Fixed():
		pair.Binding.HostPort = strconv.Itoa(int(s.HostFirst) + i)
	default:
		pair.Binding.HostPort = dashed(s.HostFirst, s.HostLast)
	}
	return pair
}

func FuzzParseExpose(f *testing.F) {
	for _, s := range []string{"80", "80-90/udp", "80/tcp/x", "-", "65535", "80-82-84", "+80", "80/foo", "0-1", "1//:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := ParseExpose(value)
		number, proto := cutProto(value)
		lo, hi, bad := nat.ParsePortRange(number)
		_, unknown := parseProto(proto)
		if unknown != nil || strings.Contains(number, "+") || strings.Contains(number, "--") || strings.Contains(value, ":") || lo == 0 {
			bad = errors.New("refused here")
		}
		if (err == nil) != (bad == nil) {
			t.Fatalf("%q is read as %v, %v, and by go-connections as %d to %d, %v", value, got, err, lo, hi, bad)
		}
		if err == nil && (len(got) != int(hi-lo)+1 || uint64(got[0].Number) != lo) {
			t.Errorf("%q is read as %v, and by go-connections as %d to %d", value, got, lo, hi)
		}
		for _, p := range got {
			again, err := ParseExpose(p.String())
			if err != nil || len(again) != 1 || again[0] != p {
				t.Errorf("%q has %v, which is read as %v, %v", value, p, again, err)
			}
		}
	})
}

// A port that is asked for by its number and protocol is found under the same.
func FuzzParsePort(f *testing.F) {
	for _, s := range []string{"80", "80/", "53/udp", "80/tcp/x", "abc", "65536", "+80", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		p, err := ParsePort(value)
		if err != nil {
			return
		}
		if again, err := ParsePort(p.String()); err != nil || again != p {
			t.Errorf("%q is read as %v, which is read as %v, %v", value, p, again, err)
		}
	})
}

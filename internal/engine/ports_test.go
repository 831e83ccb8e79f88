package engine_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
)

func TestASuggestionIsForAsManyPorts(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"8000:80":                 "9000:80",
		"127.0.0.1:8000:80/udp":   "127.0.0.1:9000:80/udp",
		"9000-9010:9000-9010":     "10000-10010:9000-9010",
		"8000-9005:8000-9005":     "10000-11005:8000-9005",
		"8000-8005:80":            "9000-9005:80",
		"65535:80":                "64535:80",
		"64530-64540:80-90":       "63530-63540:80-90",
		"1-65535:1-65535":         "1-65535",
		"20000-60000:20000-60000": "20000-60000",
	} {
		spec, err := nat.ParseSpec(given)
		if err != nil {
			t.Fatal(err)
		}
		if got := engine.Elsewhere(spec); got != want {
			t.Errorf("instead of %s: %s, want %s", given, got, want)
		}
	}
}

// Whatever is suggested can be asked for, and is free of what was taken.
func TestASuggestionIsAnotherOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.IntRange(1, 65535).Draw(t, "first")
		last := rapid.IntRange(first, 65535).Draw(t, "last")
		spec := nat.Spec{HostFirst: uint16(first), HostLast: uint16(last), First: 1, Last: uint16(last-first) + 1, Proto: "udp"}
		got, err := nat.ParseSpec(engine.Elsewhere(spec))
		if err != nil {
			t.Fatal(err)
		}
		apart := int(got.HostFirst) > last || int(got.HostLast) < first
		if got.Count() != spec.Count() || !got.Ephemeral() && !(apart && got.Fixed()) {
			t.Errorf("instead of %s: %s", spec, got)
		}
	})
}

func TestPortsThatAreTakenAreSuggestedElsewhere(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "sysctl -qw net.ipv4.ip_local_port_range='40000 40000'")
		m.Sh(t, "minibridge run -d --name web -p 9005:80 -p 80 -p 8000-8001:80 -p 8000-8001:81 sleep 1000")
		for flags, want := range map[string]string{
			"-p 9000-9010:9000-9010":          "minibridge run -p 10000-10010:9000-9010 …",
			"-p 127.0.0.1:9005:80":            "minibridge run -p 127.0.0.1:10005:80 …",
			"-p 80":                           "sysctl net.ipv4.ip_local_port_range",
			"-p 8000-8001:82":                 "minibridge run -p 9000-9001:82 …",
			"-p 198.51.100.1:9000-9005:80-85": "ip -br addr",
		} {
			out, code := m.Try("minibridge run --rm " + flags + " true")
			if code != 125 || !strings.HasSuffix(out, "try: "+want) {
				t.Errorf("%s: exit code %d: %s\nwant: %s", flags, code, out, want)
			}
		}
	})
}

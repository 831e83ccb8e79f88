package nat

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSpec(t *testing.T) {
	t.Parallel()
	local := netip.MustParseAddr("127.0.0.1")
	for value, want := range map[string]Spec{
		"80":                               {First: 80, Last: 80, Proto: "tcp"},
		"80/":                              {First: 80, Last: 80, Proto: "tcp"},
		"80/UDP":                           {First: 80, Last: 80, Proto: "udp"},
		"80/sctp":                          {First: 80, Last: 80, Proto: "sctp"},
		"80/tcp/udp":                       {First: 80, Last: 80, Proto: "tcp"},
		":80":                              {First: 80, Last: 80, Proto: "tcp"},
		"0:80":                             {First: 80, Last: 80, Proto: "tcp"},
		"80-83":                            {First: 80, Last: 83, Proto: "tcp"},
		"8080:80":                          {HostFirst: 8080, HostLast: 8080, First: 80, Last: 80, Proto: "tcp"},
		"8080-8083:80-83":                  {HostFirst: 8080, HostLast: 8083, First: 80, Last: 83, Proto: "tcp"},
		"8000-8100:8000-8100/udp":          {HostFirst: 8000, HostLast: 8100, First: 8000, Last: 8100, Proto: "udp"},
		"8080-8083:80":                     {HostFirst: 8080, HostLast: 8083, First: 80, Last: 80, Proto: "tcp"},
		"1-65535:1-65535":                  {HostFirst: 1, HostLast: 65535, First: 1, Last: 65535, Proto: "tcp"},
		"127.0.0.1:8080:80":                {HostIP: local, HostFirst: 8080, HostLast: 8080, First: 80, Last: 80, Proto: "tcp"},
		"127.0.0.1::80":                    {HostIP: local, First: 80, Last: 80, Proto: "tcp"},
		"127.0.0.1:8080:80/tcp/x":          {HostIP: local, HostFirst: 8080, HostLast: 8080, First: 80, Last: 80, Proto: "tcp"},
		"0.0.0.0:8080:80":                  {HostIP: netip.IPv4Unspecified(), HostFirst: 8080, HostLast: 8080, First: 80, Last: 80, Proto: "tcp"},
		"[::1]:8080:80":                    {HostIP: netip.IPv6Loopback(), HostFirst: 8080, HostLast: 8080, First: 80, Last: 80, Proto: "tcp"},
		"::1:8080:80":                      {HostIP: netip.IPv6Loopback(), HostFirst: 8080, HostLast: 8080, First: 80, Last: 80, Proto: "tcp"},
		"[::ffff:127.0.0.1]:8080:80":       {HostIP: local, HostFirst: 8080, HostLast: 8080, First: 80, Last: 80, Proto: "tcp"},
		"published=8080,target=80":         {HostFirst: 8080, HostLast: 8080, First: 80, Last: 80, Proto: "tcp"},
		"target=80,protocol=udp,mode=host": {First: 80, Last: 80, Proto: "udp"},
		"target=80/udp":                    {First: 80, Last: 80, Proto: "udp"},
		"target=80,protocol=udp/tcp":       {First: 80, Last: 80, Proto: "udp"},
		"published=8080-8081,target=80-81": {HostFirst: 8080, HostLast: 8081, First: 80, Last: 81, Proto: "tcp"},
	} {
		got, err := ParseSpec(value)
		if err != nil || got != want {
			t.Errorf("ParseSpec(%q) = %+v, %v; want %+v", value, got, err, want)
		}
		again, err := ParseSpec(got.String())
		if err != nil || again != got {
			t.Errorf("ParseSpec(%q) prints as %q, which is read as %+v, %v", value, got, again, err)
		}
	}
}

func TestParseSpecErrors(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                  "no port specified: <empty>",
		":":                 "no port specified: :<empty>",
		"8080:":             "no port specified: 8080:<empty>",
		"abc":               "invalid containerPort: abc",
		"80:abc":            "invalid containerPort: abc",
		"80:70000":          "invalid containerPort: 70000",
		"83-80":             "invalid containerPort: 83-80",
		"+80":               "invalid containerPort: +80",
		"80--80":            "invalid containerPort: 80--80",
		"0":                 "invalid containerPort: 0 (a port of a container is 1 to 65535)",
		"8080-8083:0-3":     "invalid containerPort: 0-3 (a port of a container is 1 to 65535)",
		"abc:80":            "invalid hostPort: abc",
		"70000:80":          "invalid hostPort: 70000",
		"-1:80":             "invalid hostPort: -1",
		"+1:80":             "invalid hostPort: +1",
		"0--0:80":           "invalid hostPort: 0--0",
		"8083-8080:80-83":   "invalid hostPort: 8083-8080",
		" 80:80":            "invalid hostPort:  80",
		"127.0.0.1:80":      "invalid hostPort: 127.0.0.1",
		"0-3:80":            "invalid hostPort: 0-3 (a range begins at 1 or above)",
		"0-3:80-83":         "invalid hostPort: 0-3 (a range begins at 1 or above)",
		"80/foo":            "invalid proto: foo",
		"abc/foo":           "invalid containerPort: abc",
		"/udp/tcp":          "no port specified: /udp/tcp<empty>",
		"1.2.3:80:80":       "invalid IP address: 1.2.3",
		"localhost:80:80":   "invalid IP address: localhost",
		"1:2:3:4":           "invalid IP address: 1:2",
		"8080-8083:80-82":   "invalid ranges specified for container and host Ports: 80-82 and 8080-8083",
		"8080:80-82":        "invalid ranges specified for container and host Ports: 80-82 and 8080",
		"published=8080":    "no port specified: 8080:/tcp<empty>",
		"published=8080,80": "invalid publish opts format (should be name=value but got '80')",
	} {
		if got, err := ParseSpec(value); err == nil || err.Error() != want {
			t.Errorf("ParseSpec(%q) = %v, %v; want %q", value, got, err, want)
		}
	}
}

func TestParseSpecsCollapsesDuplicates(t *testing.T) {
	t.Parallel()
	got, err := ParseSpecs([]string{"8080:80", "80", "8080:80/tcp", "80", "9000:80"})
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, s := range got {
		text = append(text, s.String())
	}
	want := []string{"8080:80/tcp", "80/tcp", "80/tcp", "9000:80/tcp"}
	if d := cmp.Diff(want, text); d != "" {
		t.Error(d)
	}
}

func TestSpecForms(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct{ ephemeral, fixed bool }{
		"80":              {true, false},
		"8080:80":         {false, true},
		"8080-8083:80-83": {false, true},
		"8080-8083:80":    {false, false},
	} {
		s, err := ParseSpec(value)
		if err != nil || s.Ephemeral() != want.ephemeral || s.Fixed() != want.fixed {
			t.Errorf("%s: ephemeral %v, fixed %v, %v; want %+v", value, s.Ephemeral(), s.Fixed(), err, want)
		}
	}
	s, _ := ParseSpec("127.0.0.1:8080-8083:80-83/udp")
	want := Mapping{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: 8080, Port: 80, Count: 4, Proto: "udp"}
	if got := s.Mapping(s.HostFirst); got != want {
		t.Errorf("Mapping = %+v, want %+v", got, want)
	}
}

func TestParseExpose(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]Port{
		"80":          {{80, "tcp"}},
		"80/":         {{80, "tcp"}},
		"80/UDP":      {{80, "udp"}},
		"80-82/sctp":  {{80, "sctp"}, {81, "sctp"}, {82, "sctp"}},
		"65534-65535": {{65534, "tcp"}, {65535, "tcp"}},
	} {
		got, err := ParseExpose(value)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("ParseExpose(%q): %v %s", value, err, d)
		}
	}
	for value, want := range map[string]string{
		"80:80":  "invalid port format for --expose: 80:80",
		"90-80":  "invalid range format for --expose: 90-80, error: invalid range specified for port: 90-80",
		"abc":    `invalid range format for --expose: abc, error: strconv.ParseUint: parsing "abc": invalid syntax`,
		"":       "invalid range format for --expose: , error: empty string specified for ports",
		"0":      "invalid range format for --expose: 0, error: a port of a container is 1 to 65535",
		"80/foo": "invalid proto: foo",
	} {
		if got, err := ParseExpose(value); err == nil || err.Error() != want {
			t.Errorf("ParseExpose(%q) = %v, %v; want %q", value, got, err, want)
		}
	}
}

func TestParsePort(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]Port{"80": {80, "tcp"}, "80/": {80, "tcp"}, "53/udp": {53, "udp"}} {
		if got, err := ParsePort(value); err != nil || got != want {
			t.Errorf("ParsePort(%q) = %v, %v; want %v", value, got, err, want)
		}
	}
	const want = `invalid port (abc): strconv.ParseUint: parsing "abc": invalid syntax`
	if _, err := ParsePort("abc"); err == nil || err.Error() != want {
		t.Errorf("ParsePort(abc): %v, want %s", err, want)
	}
}

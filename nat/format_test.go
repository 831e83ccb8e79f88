package nat

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mappings reads -p values whose host ports are fixed.
func mappings(t *testing.T, values ...string) (ms []Mapping) {
	t.Helper()
	specs, err := ParseSpecs(values)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range specs {
		ms = append(ms, s.Mapping(s.HostFirst))
	}
	return ms
}

func exposed(t *testing.T, values ...string) (list []Port) {
	t.Helper()
	for _, v := range values {
		ports, err := ParseExpose(v)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ports...)
	}
	return list
}

func TestPortsColumn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		published, exposed []string
		want               string
	}{
		{nil, nil, ""},
		{[]string{"8080:80"}, nil, "0.0.0.0:8080->80/tcp"},
		{[]string{"8080:80", "[::]:8080:80"}, nil, "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"},
		{
			[]string{"8000-8002:8000-8002", "8004:8004", "9000:9000/udp", "127.0.0.1:9001:9001"}, nil,
			"0.0.0.0:8000-8002->8000-8002/tcp, 0.0.0.0:8004->8004/tcp, 0.0.0.0:9000->9000/udp, 127.0.0.1:9001->9001/tcp",
		},
		{
			[]string{"8000-8002:8000-8002", "8004:8004", "9000:9000/udp", "127.0.0.1:9001:9001",
				"[::]:8000-8002:8000-8002", "[::]:8004:8004", "[::]:9000:9000/udp"}, nil,
			"0.0.0.0:8000-8002->8000-8002/tcp, [::]:8000-8002->8000-8002/tcp, 0.0.0.0:8004->8004/tcp, [::]:8004->8004/tcp, " +
				"0.0.0.0:9000->9000/udp, [::]:9000->9000/udp, 127.0.0.1:9001->9001/tcp",
		},
		{[]string{"8080-8081:80-81"}, nil, "0.0.0.0:8080->80/tcp, 0.0.0.0:8081->81/tcp"},
		{[]string{"8080-8081:80-81", "[::]:8080-8081:80-81"}, nil,
			"0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 0.0.0.0:8081->81/tcp, [::]:8081->81/tcp"},
		{[]string{"8080:80", "443:443"}, nil, "0.0.0.0:443->443/tcp, 0.0.0.0:8080->80/tcp"},
		{nil, []string{"80", "81"}, "80-81/tcp"},
		{[]string{"8080:80"}, []string{"80", "81", "53/udp"}, "53/udp, 81/tcp, 0.0.0.0:8080->80/tcp"},
	} {
		if got := PortsColumn(mappings(t, test.published...), exposed(t, test.exposed...)); got != test.want {
			t.Errorf("-p %q --expose %q:\n got %s\nwant %s", test.published, test.exposed, got, test.want)
		}
	}
}

func TestPortLines(t *testing.T) {
	t.Parallel()
	ms := mappings(t, "127.0.0.1:9000:443", "[::]:8080:80", "8080-8081:80-81", "53:53/udp", "80:53/tcp")
	want := []string{
		"53/tcp -> 0.0.0.0:80",
		"53/udp -> 0.0.0.0:53",
		"80/tcp -> 0.0.0.0:8080",
		"80/tcp -> [::]:8080",
		"81/tcp -> 0.0.0.0:8081",
		"443/tcp -> 127.0.0.1:9000",
	}
	if d := cmp.Diff(want, PortLines(ms)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"0.0.0.0:8080", "[::]:8080"}, HostAddrs(ms, Port{80, "tcp"})); d != "" {
		t.Error(d)
	}
	if got := HostAddrs(ms, Port{80, "udp"}); got != nil {
		t.Errorf("80/udp is not published, but %q", got)
	}
}

func TestHostAddr(t *testing.T) {
	t.Parallel()
	for _, ip := range []netip.Addr{{}, netip.IPv4Unspecified()} {
		if got := (Mapping{HostIP: ip, HostPort: 80}).HostAddr().String(); got != "0.0.0.0:80" {
			t.Errorf("HostAddr of any address is %s", got)
		}
	}
}

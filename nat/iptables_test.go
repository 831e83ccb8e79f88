package nat

import (
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minibridge/minibridge/plan"
)

var update = flag.Bool("update", false, "rewrite the rules in docs/nat.md")

func TestTheDocumentShowsThePlans(t *testing.T) {
	t.Parallel()
	b := Iptables()
	lan := Network{ID: "5f0c1b2a3d4e", Bridge: "minibr0", Subnet: netip.MustParsePrefix("172.17.0.0/16")}
	web := Publish{ID: "c0ffee123456", Bridge: lan.Bridge, Target: netip.MustParseAddr("172.17.0.2"),
		Mappings: mappings(t, "8080:80", "127.0.0.1:53:53/udp", "8000-8100:8000-8100", "9000-9100:8000-8100")}
	const path = "../docs/nat.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	lan6 := Network{ID: lan.ID, Bridge: lan.Bridge, Subnet6: netip.MustParsePrefix("fd00:17::/64")}
	closed6 := lan6
	closed6.Internal = true
	for name, p := range map[string]plan.Plan{
		"host": b.Host(), "network": b.Network(lan), "publish": b.Publish(web),
		"IPv6 host": b.Host6(), "IPv6 network": b.Network(lan6), "IPv6 internal": b.Network(closed6),
	} {
		start := "<!-- " + name + " -->\n```sh\n"
		before, rest, found := strings.Cut(want, start)
		_, after, closed := strings.Cut(rest, "```\n")
		if !found || !closed {
			t.Fatalf("%s has no block %q", path, name)
		}
		want = before + start + p.String() + "```\n" + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(want, string(text)); d != "" && !*update {
		t.Errorf("%s (-want +got), rewritten by go test ./nat -update:\n%s", path, d)
	}
}

func TestPublishOfNothingIsNoOp(t *testing.T) {
	t.Parallel()
	if p := Iptables().Publish(Publish{ID: "c0ffee"}); len(p) != 0 {
		t.Errorf("plan: %s", p)
	}
}

func TestADotInABridgeNameStaysOne(t *testing.T) {
	t.Parallel()
	p := Iptables().Network(Network{ID: "abc", Bridge: "br.5", Subnet: netip.MustParsePrefix("172.18.0.0/16")})
	if want := "sysctl -qw net/ipv4/conf/br.5/route_localnet=1"; !strings.Contains(p.String(), want) {
		t.Errorf("no %q in\n%s", want, p)
	}
}

func TestCheckBridge(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"minibr0": true, "br.5": true, "a+b": true, "br$0": true,
		"br+": false, `b"r`: false, "b r": false, "br\\": false, "brä": false,
	} {
		if err := CheckBridge(name); (err == nil) != ok {
			t.Errorf("CheckBridge(%q): %v", name, err)
		}
	}
}

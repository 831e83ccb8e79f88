package nat

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minibridge/minibridge/plan"
)

var update = flag.Bool("update", false, "rewrite the rules in docs")

func TestTheDocumentShowsThePlans(t *testing.T) {
	t.Parallel()
	b := Iptables()
	lan, web := example(t)
	lan6 := Network{ID: lan.ID, Bridge: lan.Bridge, Subnet6: netip.MustParsePrefix("fd00:17::/64")}
	closed6 := lan6
	closed6.Internal = true
	web6 := web
	web6.Target, web6.Mappings = netip.MustParseAddr("fd00:17::2"), mappings(t, "[::]:8080:80", "[::]:9000-9100:8000-8100")
	shows(t, "../docs/nat.md", map[string]string{
		"host": script(b.Host()), "network": script(b.Network(lan)), "publish": script(b.Publish(web)),
		"IPv6 host": script(b.Host6()), "IPv6 network": script(b.Network(lan6)), "IPv6 internal": script(b.Network(closed6)),
		"IPv6 publish": script(b.Publish(web6)),
	})
}

func TestTheDocumentShowsThePlansOfNftables(t *testing.T) {
	t.Parallel()
	b := Nftables()
	lan, web := example(t)
	web.Mappings = mappings(t, "8080:80", "127.0.0.1:53:53/udp", "8000-8100:8000-8100", "9000-9002:8000-8002")
	shows(t, "../docs/firewall.md", map[string]string{
		"host": script(b.Host()), "network": script(b.Network(lan)), "publish": script(b.Publish(web)),
		"rules": paths(b.Host()), "beside": script(Nftables(IPv4).Network(lan)[2:]),
		"redirect": script(b.Redirect(Redirect{ID: web.ID, NS: "web", Addr: netip.MustParseAddr("127.0.0.11"), Port: 40000})),
	})
}

// example is a network, and what a container on it publishes.
func example(t *testing.T) (Network, Publish) {
	lan := Network{ID: "5f0c1b2a3d4e", Bridge: "minibr0", Subnet: netip.MustParsePrefix("172.17.0.0/16")}
	return lan, Publish{ID: "c0ffee123456", Bridge: lan.Bridge, Target: netip.MustParseAddr("172.17.0.2"),
		Mappings: mappings(t, "8080:80", "127.0.0.1:53:53/udp", "8000-8100:8000-8100", "9000-9100:8000-8100")}
}

func script(p plan.Plan) string { return "```sh\n" + p.String() + "```\n" }

// paths is the rules of the host's table with what each is for.
func paths(p plan.Plan) string {
	text := "| chain | rule | path |\n| --- | --- | --- |\n"
	for _, c := range p[0].Op.(*Table).Chains {
		for _, r := range c.Rules {
			text += fmt.Sprintf("| %s | `%s` | %s |\n", c.Name, r.Text, r.Path)
		}
	}
	return text
}

// shows wants each of the blocks in a document, which -update writes there.
func shows(t *testing.T, path string, blocks map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, block := range blocks {
		start, end := "<!-- "+name+" -->\n", "<!-- end -->\n"
		before, rest, found := strings.Cut(want, start)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("%s has no block %q", path, name)
		}
		want = before + start + block + end + after
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
		"b*r": true, "br+": false, "br*": false, `b"r`: false, "b r": false, "br\\": false, "brä": false,
	} {
		if err := CheckBridge(name); (err == nil) != ok {
			t.Errorf("CheckBridge(%q): %v", name, err)
		}
	}
}

package nat

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minibridge/minibridge/plan"
)

var update = flag.Bool("update", false, "rewrite the rules in docs")

func TestTheDocumentShowsThePlans(t *testing.T) {
	b := Iptables()
	lan, web := example(t)
	lan6 := Network{ID: lan.ID, Bridge: lan.Bridge, Subnet6: netip.MustParsePrefix("fd00:17::/64")}
	closed, closed6, beside := lan, lan6, lan
	beside.Apart = []string{"docker0"}
	closed.Internal, closed6.Internal = true, true
	web6 := web
	web6.Target, web6.Mappings = netip.MustParseAddr("fd00:17::2"), mappings(t, "[::]:8080:80", "[::]:9000-9100:8000-8100")
	shows(t, "../docs/nat.md", map[string]string{
		"host": script(b.Host()), "network": script(b.Network(lan)), "publish": script(b.Publish(web)),
		"IPv6 host": script(b.Host6()), "IPv6 network": script(b.Network(lan6)), "IPv6 internal": script(b.Network(closed6)),
		"IPv6 publish": script(b.Publish(web6)),
	})
	shows(t, "../docs/firewall.md", map[string]string{
		"iptables rules": served(t, b.Host(), b.Network(beside), b.Publish(web), b.Network(closed), b.Host6(), b.Network(lan6), b.Network(closed6)),
	})
}

func TestTheDocumentShowsThePlansOfNftables(t *testing.T) {
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

// serves is which path each kind of rule is for: by its table and what its
// comment names it, and by what it matches where there are several.
var serves = []struct{ table, what, match, path string }{
	{"raw", "jump", "", "all that comes in, before anybody knows what is an answer"},
	{"raw", "guard", "-d", "a neighbour or a container to what the host serves on 127.0.0.1"},
	{"raw", "guard", "-s", "a neighbour or a container that says it is the host itself"},
	{"raw", "direct", "", "outside, or another network, to a container's address"},
	{"raw", "family", "", "a made-up IPv4 address on a network without"},
	{"raw", "link", "fe80", "neighbours on an internal network find each other, and the host"},
	{"raw", "link", "ff02", "… and ask who there is"},
	{"raw", "internal", "", "an internal network to anything but itself and its gateway"},
	{"filter", "jump", "", "all that is forwarded, before what others drop"},
	{"filter", "order", "-USER", "the administrator has the first word"},
	{"filter", "order", "-ESTABLISHED", "answers, and all that goes on, leave first"},
	{"filter", "order", "-INTERNAL", "what must not pass, whatever is published"},
	{"filter", "order", "-OUT", "from a container to the outside"},
	{"filter", "order", "", "to a container"},
	{"filter", "established", "", "answers to containers"},
	{"filter", "spoof", "", "from outside, or another network, in the name of a container"},
	{"filter", "internal", "-i minibr0 !", "out of an internal network"},
	{"filter", "internal", "! -i", "into one"},
	{"filter", "published", "", "to a published port, also from another network"},
	{"filter", "peers", "", "container to container on one network, where br_netfilter shows that; with ICC off, DROP"},
	{"filter", "isolate", "", "to a container by its address, from another network or from outside"},
	{"filter", "apart", "", "to a container of Docker's by its address, not by a published port"},
	{"filter", "outgoing", "", "container to outside"},
	{"nat", "jump", "POSTROUTING", "all that leaves, or comes to a container"},
	{"nat", "jump", "OUTPUT", "from the host itself to one of its addresses"},
	{"nat", "jump", "", "from outside, or from a container, to an address of the host"},
	{"nat", "publish", "", "to a published port"},
	{"nat", "link", "", "from a neighbour's address of the link, with which nothing is forwarded: the supervisor's proxy"},
	{"nat", "localhost", "-d ::1", "to the host's ::1, which nothing leaves: the supervisor's proxy"},
	{"nat", "localhost", "-s ::1", "… or from it"},
	{"nat", "masquerade", "", "a container to the outside: as the host"},
	{"nat", "hairpin", "", "a container to a published port of its own network: the answer has to come back through the host"},
	{"nat", "localhost", "", "the host's 127.0.0.1 to a published port"},
}

var comment = regexp.MustCompile(`-m comment --comment "minibridge:(\w+):\w+" `)

// served is the rules of plans, each kind once, with what it is for.
func served(t *testing.T, plans ...plan.Plan) string {
	t.Helper()
	text, seen := "| chain | rule | path |\n| --- | --- | --- |\n", map[int]bool{}
	for _, line := range slices.Concat(plans...) {
		rules, _ := line.Op.(*Rules)
		if rules == nil {
			continue
		}
		for _, r := range rules.Rules {
			what := comment.FindStringSubmatch(r.Spec)[1]
			i := slices.IndexFunc(serves, func(s struct{ table, what, match, path string }) bool {
				return s.table == r.Table && s.what == what && strings.Contains(r.Name+" "+r.Spec, s.match)
			})
			if i < 0 {
				t.Fatalf("nothing says what %s is for: %s", r.Name, r.Spec)
			}
			if !seen[i] {
				text += fmt.Sprintf("| %s %s | `%s` | %s |\n", r.Table, r.Name, comment.ReplaceAllString(r.Spec, ""), serves[i].path)
			}
			seen[i] = true
		}
	}
	if len(seen) != len(serves) {
		t.Errorf("%d kinds of rules are told of, and %d are there", len(serves), len(seen))
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

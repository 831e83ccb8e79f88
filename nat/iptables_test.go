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

var update = flag.Bool("update", false, "rewrite testdata")

var lab = Network{ID: "5f0c1b2a3d4e", Bridge: "mb-5f0c1b2a3d4e", Subnet: netip.MustParsePrefix("172.18.0.0/16")}

func web(t *testing.T) Publish {
	return Publish{ID: "c0ffee123456", Bridge: lab.Bridge, Target: netip.MustParseAddr("172.18.0.2"),
		Mappings: mappings(t, "8080:80", "127.0.0.1:53:53/udp", "8000-8100:8000-8100", "9000-9100:8000-8100/udp", "0.0.0.0:7000:7000/sctp")}
}

// golden compares a plan with the script in testdata.
func golden(t *testing.T, name string, p plan.Plan) {
	t.Helper()
	path := "testdata/" + name + ".sh"
	if *update {
		if err := os.WriteFile(path, []byte(p.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), p.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

func TestIptablesPlans(t *testing.T) {
	t.Parallel()
	b := Iptables()
	golden(t, "iptables-host", b.Host())
	golden(t, "iptables-network", b.Network(lab))
	golden(t, "iptables-publish", b.Publish(web(t)))
}

func TestPublishOfNothingIsNoOp(t *testing.T) {
	t.Parallel()
	if p := Iptables().Publish(Publish{ID: "c0ffee"}); len(p) != 0 {
		t.Errorf("plan: %s", p)
	}
}

func TestADotInABridgeNameStaysOne(t *testing.T) {
	t.Parallel()
	p := Iptables().Network(Network{ID: "abc", Bridge: "br.5", Subnet: lab.Subnet})
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

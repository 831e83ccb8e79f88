package engine_test

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// promised is what the journal of each release must be read as, for ever: a
// line of every kind that it could write, with all its fields.
var promised = map[string][]plan.Step{
	"v0.1.0": {
		&bridge.AddrDel{Dev: "minibr0", MAC: "02:42:5f:0c:1b:2a", Prefix: netip.MustParsePrefix("172.17.0.1/16")},
		&nat.ElementsDel{Elements: []nat.Element{
			{Set: "open", Key: `"minibr0"`, Comment: "minibridge:network:5f0c1b2a3d4e"},
			{Set: "ports", Key: "tcp . 8080", Value: "172.17.0.2 . 80", Comment: "minibridge:publish:c0ffee123456"},
		}},
		&sandbox.CgroupDel{Dir: "/sys/fs/cgroup/minibridge-c0ffee123456"},
		&sandbox.CgroupReturn{Homes: []sandbox.CgroupHome{{Pid: 4711, Start: 815, Dir: "/sys/fs/cgroup/user.slice"}}},
		&sandbox.CgroupThaw{Dir: "/sys/fs/cgroup/freezer/minibridge-c0ffee123456", V1: true},
		&plan.Leave{Why: "goes with the network namespace web"},
		&plan.Leave{Why: "goes with the network namespace", NS: "web"},
		&bridge.LinkAlias{Dev: "mbv1a2b3c4d", Alias: "web on bridge", Old: "site on bridge"},
		&bridge.LinkDel{Name: "minibr0", MAC: "02:42:5f:0c:1b:2a"},
		&bridge.LinkDown{Dev: "minibr0", MAC: "02:42:5f:0c:1b:2a"},
		&bridge.LinkMTU{Dev: "minibr0", MTU: 1500, If: 1400, MAC: "02:42:5f:0c:1b:2a"},
		&bridge.LinkMTU{NS: "web", Dev: "eth0", MTU: 1500},
		&nat.TableDel{Chains: []string{"user", "raw"}, Sets: []string{"open"}},
		&nat.TableDel{NS: "web", Chains: []string{"output"}},
		&sandbox.NetnsBind{Name: "web", Pin: "/run/minibridge/netns/c0ffee"},
		&sandbox.NetnsDel{Name: "web", Pin: "/run/minibridge/netns/c0ffee", Keep: true},
		&sandbox.NetnsUnbind{Name: "web", Pin: "/run/minibridge/netns/c0ffee"},
		&sandbox.NetnsDirDel{Made: true},
		&bridge.RouteDel{Gateway: netip.MustParseAddr("172.17.0.1"), Dev: "eth0"},
		&bridge.RouteDel{NS: "web", Gateway: netip.MustParseAddr("172.17.0.1"), Dev: "eth0"},
		&bridge.RouteSet{NS: "web", Gateway: netip.MustParseAddr("172.17.0.1"), Dev: "eth0", Back: true},
		&nat.RulesDel{
			Family: nat.IPv4,
			Chains: []nat.Chain{{Table: "nat", Name: "MINIBRIDGE"}},
			Rules: []nat.Rule{{
				Chain: nat.Chain{Table: "nat", Name: "PREROUTING"},
				Spec:  `-m addrtype --dst-type LOCAL -m comment --comment "minibridge:jump:host" -j MINIBRIDGE`, First: true,
			}},
		},
		&nat.RulesDel{Family: nat.IPv6, Chains: []nat.Chain{{Table: "raw", Name: "MINIBRIDGE-RAW"}}},
		&nat.RulesDel{NS: "web", Rules: []nat.Rule{{
			Chain: nat.Chain{Table: "nat", Name: "OUTPUT"},
			Spec:  `-d 127.0.0.11/32 -p udp -m udp --dport 53 -m comment --comment "minibridge:names:c0ffee123456" -j DNAT --to-destination 127.0.0.11:40000`,
		}}},
		&plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "0", If: "1"},
		&plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "0", If: "1", Then: []plan.Sysctl{{Key: "net/ipv4/conf/eth1/forwarding", Value: "1"}}},
		&plan.SysctlSet{NS: "web", Key: "net.ipv4.ip_unprivileged_port_start", Value: "1024"},
		&sandbox.Unmount{Dir: "/run/minibridge/layers", Made: true},
		&bridge.VethDel{Veth: "mbv1a2b3c4d", NS: "web"},
	},
}

// readAsOf gives the steps of the journal that a release wrote.
func readAsOf(t *testing.T, release string) []plan.Step {
	t.Helper()
	d := state.Dirs{Root: t.TempDir(), Run: t.TempDir()}
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/journal/" + release + ".jsonl")
	if err == nil {
		err = os.WriteFile(filepath.Join(d.Run, "journal", "host.jsonl"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	j, err := d.ReadJournal("host", engine.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	if j.Settled() != len(j.Steps()) {
		t.Errorf("%s: %d of %d steps are settled", release, j.Settled(), len(j.Steps()))
	}
	return j.Steps()
}

func TestOldJournalsAreStillRead(t *testing.T) {
	t.Parallel()
	for release, want := range promised {
		have := readAsOf(t, release)
		if len(have) != len(want) {
			t.Fatalf("%s: %d steps, not %d", release, len(have), len(want))
		}
		for i := range want {
			if !reflect.DeepEqual(have[i], want[i]) {
				t.Errorf("%s: read as %#v, not as %#v", release, have[i], want[i])
			}
		}
	}
}

// Whoever adds a kind, or a field to one, adds it to what is promised.
func TestEveryKindIsPromisedWithAllItsFields(t *testing.T) {
	t.Parallel()
	set := map[string]bool{}
	for _, step := range slices.Concat(slices.Collect(maps.Values(promised))...) {
		v := reflect.ValueOf(step).Elem()
		set[v.Type().String()] = true
		for i := range v.NumField() {
			name := v.Type().String() + "." + v.Type().Field(i).Name
			set[name] = set[name] || !v.Field(i).IsZero()
		}
	}
	for name, proto := range engine.Kinds {
		of := reflect.TypeOf(proto).Elem()
		if !set[of.String()] {
			t.Errorf("no line of kind %s", name)
			continue
		}
		for _, f := range reflect.VisibleFields(of) {
			if f.IsExported() && !set[of.String()+"."+f.Name] {
				t.Errorf("no line of kind %s with its field %s", name, f.Name)
			}
		}
	}
}

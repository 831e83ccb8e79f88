package engine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// A Finding is one thing that check looked at.
type Finding struct {
	Verdict string // ok, bad, or note: no problem, but worth knowing
	What    string
	Detail  string // what was seen; with bad, how to get it
}

// OK says that it stands in nothing's way.
func (f Finding) OK() bool { return f.Verdict != "bad" }

// Check tries everything that minibridge needs, in namespaces that are thrown
// away: nothing of this machine's is changed.
func (e *Engine) Check(ctx context.Context) []Finding {
	found := []Finding{kernelFinding(), toolFinding("iptables-restore", "iptables"), toolFinding("ip", "iproute2")}
	found = append(found, variantFindings()...)
	if os.Geteuid() != 0 {
		return append(found, Finding{"note", "root", "not root: namespaces, bridges and rules were not tried; sudo minibridge check does"})
	}
	return append(found,
		tried("bridges and veth pairs", "modprobe bridge veth", tryLinks),
		tried("NAT rules", "modprobe nf_nat nf_conntrack xt_MASQUERADE xt_addrtype xt_conntrack", func() error { return e.tryRules(ctx) }),
		tried("overlay file systems", "modprobe overlay", tryOverlay),
		forwardFinding(),
	)
}

func kernelFinding() Finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Finding{"bad", "kernel", err.Error()}
	}
	return Finding{"ok", "kernel", unix.ByteSliceToString(u.Release[:])}
}

func toolFinding(tool, pkg string) Finding {
	path, err := exec.LookPath(tool)
	if err != nil {
		return Finding{"bad", tool, "not found in PATH; try: apt-get install " + pkg}
	}
	return Finding{"ok", tool, path}
}

// variantFindings tell which iptables this is, and of rules in the other.
func variantFindings() []Finding {
	v, err := nat.FindVariant()
	if err != nil {
		return []Finding{{"bad", "iptables", err.Error()}}
	}
	found := []Finding{{"ok", "iptables variant", string(v)}}
	n, err := nat.Foreign(v)
	switch {
	case err != nil:
		found = append(found, Finding{"note", "other iptables", err.Error()})
	case n > 0:
		found = append(found, Finding{"note", "other iptables", nat.ForeignWarning(v, n)})
	}
	return found
}

func forwardFinding() Finding {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		return Finding{"bad", "ip_forward", err.Error()}
	}
	if strings.TrimSpace(string(b)) == "1" {
		return Finding{"ok", "ip_forward", "on"}
	}
	return Finding{"note", "ip_forward", "off; the first run switches it on, reset off again"}
}

// tried makes a finding of an attempt.
func tried(what, remedy string, f func() error) Finding {
	if err := apart(f); err != nil {
		return Finding{"bad", what, fmt.Sprintf("%v; try: %s", err, remedy)}
	}
	return Finding{"ok", what, "tried in a namespace of its own"}
}

// apart runs f on a thread with network and mount namespaces of its own, which
// end with it.
func apart(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
			done <- fmt.Errorf("unshare: %w", err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// probe is a network for trying.
var probe = nat.Network{ID: "check", Bridge: "mb-check", Subnet: netip.MustParsePrefix("172.17.0.0/16")}

// tryLinks builds a whole network of one container, under a /run that only
// this thread sees.
func tryLinks() error {
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		return err
	}
	if err := os.Mkdir(plan.NetnsDir, 0o755); err != nil {
		return err
	}
	gateway := netip.MustParsePrefix("172.17.0.1/16")
	mac := net.HardwareAddr{0x02, 0x42, 0, 0, 0, 1}
	p := bridge.Network{Bridge: probe.Bridge, MAC: mac, Gateway: gateway, MTU: mtu}.Plan()
	p.Do(&sandbox.NetnsAdd{Name: probe.ID, Pin: "/run/pin"}, "")
	p = append(p, bridge.Endpoint{
		NS: plan.NS(probe.ID), Bridge: probe.Bridge, Veth: "mbv-check", Dev: "eth0", MTU: mtu,
		MAC: net.HardwareAddr{0x02, 0x42, 0, 0, 0, 2}, Address: netip.MustParsePrefix("172.17.0.2/16"), Gateway: gateway.Addr(),
	}.Plan()...)
	return upApart(p)
}

func (e *Engine) tryRules(ctx context.Context) error {
	p := e.firewall.Host()
	p = append(p, e.firewall.Network(probe)...)
	p = append(p, e.firewall.Publish(nat.Publish{
		ID: probe.ID, Bridge: probe.Bridge, Target: netip.MustParseAddr("172.17.0.2"),
		Mappings: []nat.Mapping{{HostPort: 8000, Port: 8000, Count: 2, Proto: "tcp"}},
	})...)
	rules := plan.Plan{}
	for _, line := range p {
		if _, ok := line.Op.(*nat.Rules); ok { // the bridge whose sysctl is set isn't there
			rules = append(rules, line)
		}
	}
	return upApart(rules)
}

// upApart makes a plan true without the lock: on a thread apart there is
// nothing to order.
func upApart(p plan.Plan) error {
	return (&plan.Executor{Journal: &plan.Memory{}}).Up(context.Background(), p)
}

func tryOverlay() error {
	// Any folder does: the mount is seen by this thread alone.
	const dir = "/mnt"
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		return err
	}
	for _, sub := range []string{"/upper", "/work", "/root"} {
		if err := os.Mkdir(dir+sub, 0o755); err != nil {
			return err
		}
	}
	return unix.Mount("overlay", dir+"/root", "overlay", 0, "lowerdir=/,upperdir="+dir+"/upper,workdir="+dir+"/work")
}

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"syscall"

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
// away: nothing of this machine's is changed, but that the kernel loads the
// modules which networks need.
func (e *Engine) Check(ctx context.Context) []Finding {
	kind := firewalls[e.firewallName]
	found := []Finding{kernelFinding(), sctpFinding(), toolFinding(kind.tool, kind.pkg), toolFinding("ip", "iproute2")}
	if e.firewallName == "iptables" {
		found = append(found, variantFindings()...)
	}
	if os.Geteuid() != 0 {
		return append(found, Finding{"note", "root", "not root: namespaces, bridges and rules were not tried; sudo minibridge check does"})
	}
	found = append(found, e.guardFindings()...)
	found = append(found, e.ruleFindings(ctx)...)
	tried, err := e.tryApart(ctx)
	if err != nil {
		tried = []Finding{{"bad", "namespaces", fmt.Sprintf("%v; the kernel needs CONFIG_NET_NS and CONFIG_NAMESPACES", err)}}
	}
	return slices.Concat(found, tried, e.forwardFindings(), e.administratorFindings())
}

// checkArgv0 is argv[0] of the process that tries.
const checkArgv0 = "minibridge-check"

// tryApart starts the program again with network and mount namespaces of its
// own, which end with it.
func (e *Engine) tryApart(ctx context.Context) (found []Finding, err error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{checkArgv0, e.firewallName}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return found, json.Unmarshal(out, &found)
}

// checkInit takes over when this process was started to try things apart, and
// never returns then.
func checkInit() {
	if len(os.Args) != 2 || os.Args[0] != checkArgv0 {
		return
	}
	try := tries[os.Args[1]]
	found := []Finding{
		tried("mounts", "a kernel with tmpfs", privateRun),
		tried("bridges and veth pairs", "modprobe bridge veth", tryLinks),
		tried("NAT rules", "modprobe "+try.modules, func() error { return tryRules(try.firewall()) }),
		tried("overlay file systems", "modprobe overlay", tryOverlay),
		tried("seccomp filters", "a kernel with CONFIG_SECCOMP_FILTER=y, as distributions have it", sandbox.TryFilter),
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// tries are the firewalls apart, where there is no other, with the kernel's
// modules that their rules need.
var tries = map[string]struct {
	firewall func() nat.Backend
	modules  string
}{
	"iptables": {nat.Iptables, "nf_nat nf_conntrack xt_MASQUERADE xt_addrtype xt_conntrack"},
	"nftables": {func() nat.Backend { return nat.Nftables() }, "nf_tables nft_chain_nat nft_nat nft_masq nft_fib_inet nft_ct"},
}

func kernelFinding() Finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Finding{"bad", "kernel", err.Error()}
	}
	return Finding{"ok", "kernel", unix.ByteSliceToString(u.Release[:])}
}

// sctpFinding is of what only some kernels have, and only some people need: it
// loads nothing.
func sctpFinding() Finding {
	const what, refused = "SCTP", "-p PORT:PORT/sctp will be refused"
	has, module, err := nat.HasSCTP()
	switch {
	case err != nil:
		return Finding{"note", what, err.Error()}
	case has:
		return Finding{"ok", what, "the kernel has it"}
	case module:
		return Finding{"note", what, "not loaded yet: the first port does that; where " + refused + " all the same, try: " + nat.LoadSCTP}
	}
	return Finding{"note", what, "neither the kernel nor its modules have it: " + refused + "; try: a kernel with CONFIG_IP_SCTP, as most distributions have it"}
}

func toolFinding(tool, pkg string) Finding {
	path, err := nat.FindTool(tool)
	if err != nil {
		return Finding{"bad", tool, "not found in PATH, nor in /usr/sbin; try: apt-get install " + pkg}
	}
	return Finding{"ok", tool, path}
}

// variantFindings tell which iptables this is, and of rules in the other.
func variantFindings() []Finding {
	v, err := nat.FindVariant()
	if err != nil {
		return []Finding{{"bad", "iptables", err.Error()}}
	}
	return append([]Finding{{"ok", "iptables variant", string(v)}}, otherVariantFindings(v)...)
}

func otherVariantFindings(v nat.Variant) []Finding {
	n, err := nat.Foreign(v)
	switch {
	case err != nil:
		return []Finding{{"note", "other iptables", err.Error()}}
	case n > 0:
		return []Finding{{"note", "other iptables", nat.ForeignWarning(v, n)}}
	}
	return nil
}

// tried makes a finding of an attempt.
func tried(what, remedy string, f func() error) Finding {
	if err := f(); err != nil {
		if _, missing := errors.AsType[*nat.MissingToolError](err); missing {
			return Finding{"bad", what, err.Error()} // which says how to get it
		}
		if errors.Is(err, unix.EPERM) {
			remedy = "root with all its capabilities, not that of an unprivileged container"
		}
		return Finding{"bad", what, fmt.Sprintf("%v; try: %s", err, remedy)}
	}
	return Finding{"ok", what, "tried in a namespace of its own"}
}

// privateRun gives this process mounts that nobody else sees, and an empty
// /run.
func privateRun() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		return err
	}
	return os.Mkdir(plan.NetnsDir, 0o755)
}

// probe is a network for trying.
var probe = nat.Network{ID: "check", Bridge: "mb-check", Subnet: netip.MustParsePrefix("172.17.0.0/16")}

// tryLinks builds a whole network of one container.
func tryLinks() error {
	gateway := netip.MustParsePrefix("172.17.0.1/16")
	mac := net.HardwareAddr{0x02, 0x42, 0, 0, 0, 1}
	p := bridge.Network{Bridge: probe.Bridge, MAC: mac, Gateway: gateway, NoIPv6: !hasIPv6()}.Plan()
	p.Do(&sandbox.NetnsAdd{Name: probe.ID, Pin: "/run/pin"}, "")
	p = append(p, bridge.Endpoint{
		NS: plan.NS(probe.ID), Bridge: probe.Bridge, Veth: "mbv-check", Dev: "eth0", KeepIPv6: !hasIPv6(),
		MAC: net.HardwareAddr{0x02, 0x42, 0, 0, 0, 2}, Address: netip.MustParsePrefix("172.17.0.2/16"),
	}.Plan()...)
	p = append(p, bridge.Way{NS: plan.NS(probe.ID), IPv4: bridge.Hop{Gateway: gateway.Addr(), Dev: "eth0"}}.Plan()...)
	return upApart(p)
}

// tryRules puts up the rules of that network and two ports.
func tryRules(firewall nat.Backend) error {
	p := firewall.Host()
	p = append(p, firewall.Network(probe)...)
	p = append(p, firewall.Publish(nat.Publish{
		ID: probe.ID, Bridge: probe.Bridge, Target: netip.MustParseAddr("172.17.0.2"),
		Mappings: []nat.Mapping{{HostPort: 8000, Port: 8000, Count: 2, Proto: "tcp"}},
	})...)
	return upApart(p)
}

// upApart makes a plan true without the lock: apart, there is nothing to
// order.
func upApart(p plan.Plan) error {
	return (&plan.Executor{Journal: &plan.Memory{}}).Up(context.Background(), p)
}

// tryOverlay mounts one over /.
func tryOverlay() error {
	for _, sub := range []string{"/run/upper", "/run/work", "/run/root"} {
		if err := os.Mkdir(sub, 0o755); err != nil {
			return err
		}
	}
	return unix.Mount("overlay", "/run/root", "overlay", 0, "lowerdir=/,upperdir=/run/upper,workdir=/run/work")
}

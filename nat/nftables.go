package nat

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/minibridge/minibridge/plan"
)

// admins is the administrator's chain.
const admins = "user"

// Nftables is the backend for nftables(8). The rules are made once, for all
// networks and for both families; what a network or a published port adds are
// elements of sets and maps. So neither a packet nor a change takes longer
// where there are a thousand of them.
//
// What iptables(8) drops, no table can let through: beside are the families of
// which it forwards not everything, as [Forwarding] finds them. There the
// bridges get a way through its FORWARD chain, and our own table alone says
// what takes it.
func Nftables(beside ...Family) Backend {
	return nftBackend{iptables{&looker{}}, beside}
}

type nftBackend struct {
	iptables iptables
	beside   []Family
}

// Adopt is for the steps that iptables has to do with: every other op asks the
// kernel for its own elements.
func (b nftBackend) Adopt(undo plan.Step) { b.iptables.Adopt(undo) }

// Host makes the whole table. An accept here is no more than the end of our
// own chain.
func (b nftBackend) Host() (p plan.Plan) {
	p.Do(&Table{
		Sets: ourSets,
		Chains: []TableChain{
			{Name: admins},
			rawRules(),
			forwardRules(),
			{Name: "ports", Rules: []TableRule{
				rule("publish", "dnat ip to meta l4proto . th dport map @ports", "to a published port of any of the host's addresses"),
				rule("publish", "dnat ip to meta l4proto . th dport map @ranges", "… of a run of ports that lead to equal ones: the port stays"),
				rule("publish", "dnat ip to ip daddr . meta l4proto . th dport map @ports_at", "to a port that is published on one address"),
				rule("publish", "dnat ip to ip daddr . meta l4proto . th dport map @ranges_at", "… a run of them"),
				rule("link", "ip6 saddr fe80::/10 return", "from a neighbour's address of the link, with which nothing is forwarded: the supervisor's proxy"),
				rule("localhost", "ip6 daddr ::1 return", "to the host's ::1, which nothing leaves: the supervisor's proxy"),
				rule("localhost", "ip6 saddr ::1 return", "… or from it"),
				rule("publish", "dnat ip6 to meta l4proto . th dport map @ports6", "the same four of IPv6"),
				rule("publish", "dnat ip6 to meta l4proto . th dport map @ranges6", "…"),
				rule("publish", "dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6_at", "…"),
				rule("publish", "dnat ip6 to ip6 daddr . meta l4proto . th dport map @ranges6_at", "…"),
			}},
			{Name: "prerouting", Hook: "nat hook prerouting priority -100", Rules: []TableRule{
				rule("published", "fib daddr type local jump ports", "from outside, or from a container, to an address of the host"),
			}},
			{Name: "output", Hook: "nat hook output priority -100", Rules: []TableRule{
				rule("published", "fib daddr type local jump ports", "from the host itself, 127.0.0.1 included, which is not so of ::1"),
			}},
			postroutingRules(),
		},
	}, "one table of our own; what networks and ports add to it are elements of its sets and maps")
	return append(p, b.through(IPv4)...)
}

// Host6 has no rules of its own: the table is for both families.
func (b nftBackend) Host6() plan.Plan { return b.through(IPv6) }

// through leads what is forwarded past what iptables drops.
func (b nftBackend) through(f Family) (p plan.Plan) {
	if slices.Contains(b.beside, f) {
		rules := b.iptables.batch(f, "host")
		rules.Chains = []Chain{forward}
		rules.jump("filter", "FORWARD", "", forward)
		p.Do(&rules.Rules, "what iptables drops, no other table can let through: a chain for the bridges, before that")
	}
	return p
}

// Guard is the first rules of its chain alone.
func (nftBackend) Guard() (p plan.Plan) {
	chain := rawRules()
	chain.Rules = guardRules()
	p.Do(&Table{Chains: []TableChain{chain}}, "from outside nobody gets at 127.0.0.0/8, or speaks as it")
	return p
}

// Network writes the elements first and route_localnet last, as [Backend]
// wants.
func (b nftBackend) Network(n Network) (p plan.Plan) {
	why, kind := whyOpen, open
	if n.Internal {
		why, kind = whyClosed, closed
	}
	set := elementBatch{id: n.ID}
	br := strconv.Quote(n.Bridge)
	set.add(kind, "network", br, "")
	if !n.Isolated {
		set.add(peers, "peers", br+" . "+br, "")
	}
	if !n.Internal {
		for _, bridge := range n.Apart {
			set.add(separate, "apart", br+" . "+strconv.Quote(bridge), "")
		}
	}
	if !n.Subnet.IsValid() {
		set.add(noIPv4, "family", br, "")
	}
	for _, of := range []struct {
		subnet                  netip.Prefix
		subnets, inside, hidden Set
	}{{n.Subnet, subnets, inside, hidden}, {n.Subnet6, subnets6, inside6, hidden6}} {
		if !of.subnet.IsValid() {
			continue
		}
		subnet := of.subnet.Masked().String()
		set.add(of.subnets, "subnet", subnet, "")
		set.add(of.inside, "inside", subnet+" . "+br, "")
		if n.Internal || !n.KeepSource { // else that is where the answers come in
			set.add(of.hidden, "hidden", subnet, "")
		}
	}
	p.Do(&set.Elements, why)
	p = append(p, localnet(n)...)
	for _, f := range b.beside {
		if f == IPv4 && n.Subnet.IsValid() || f == IPv6 && n.Subnet6.IsValid() {
			rules := b.iptables.batch(f, n.ID)
			rules.addf(forward, "through", "ACCEPT", "-i %s", quote(n.Bridge))
			rules.addf(forward, "through", "ACCEPT", "-o %s", quote(n.Bridge))
			p.Do(&rules.Rules, "iptables leaves this bridge to the rules above")
		}
	}
	return p
}

// Publish has one element for a port, and for a run of ports that lead to equal
// ones: a map has no way to say that a run is shifted.
func (nftBackend) Publish(pub Publish) (p plan.Plan) {
	if b := publishElements(pub); len(b) > 0 {
		p.Do(&Elements{Elements: b}, whyPublish)
	}
	return p
}

// Unpublish deletes the same elements.
func (nftBackend) Unpublish(pub Publish) []plan.Step {
	b := publishElements(pub)
	if len(b) == 0 {
		return nil
	}
	return []plan.Step{&ElementsDel{Elements: b}}
}

func publishElements(pub Publish) []Element {
	b := elementBatch{id: pub.ID}
	for _, m := range pub.kernels() {
		single, run, at := setsFor(m)
		if m.Count > 1 && m.Port == m.HostPort {
			b.add(run, "publish", at+m.Proto+" . "+portRange(m.HostPort, m.Count, "-"), pub.Target.String())
			continue
		}
		for i := range max(m.Count, 1) {
			b.add(single, "publish", fmt.Sprintf("%s%s . %d", at, m.Proto, int(m.HostPort)+i),
				fmt.Sprintf("%s . %d", pub.Target, int(m.Port)+i))
		}
	}
	return b.Elements.Elements
}

// setsFor are the maps for a mapping's single ports and for a run, and what
// begins a key of them.
func setsFor(m Mapping) (single, run Set, at string) {
	if !m.Any() {
		at = m.HostIP.String() + " . "
	}
	switch {
	case m.IPv6() && m.Any():
		return ports6, ranges6, at
	case m.IPv6():
		return ports6At, ranges6At, at
	case m.Any():
		return ports4, ranges4, at
	}
	return ports4At, ranges4At, at
}

// Redirect is as that of [Iptables], in a table of the container's namespace.
func (nftBackend) Redirect(r Redirect) (p plan.Plan) {
	p.Do(&Table{NS: r.NS, Chains: []TableChain{{
		Name: "output", Hook: "nat hook output priority -100",
		Rules: []TableRule{{
			Text:    fmt.Sprintf("ip daddr %s meta l4proto { tcp, udp } th dport 53 dnat ip to %s", r.Addr, netip.AddrPortFrom(r.Addr, r.Port)),
			Comment: mark + "names:" + r.ID,
		}},
	}}}, whyRedirect)
	return p
}

// Sweep finds the table by its name. One that holds nothing but the
// administrator's rules is none of it. Where there is no iptables(8), nobody
// has written a rule with it.
func (b nftBackend) Sweep() ([]plan.Step, error) {
	steps, err := b.iptables.Sweep()
	if _, missing := errors.AsType[*MissingToolError](err); err != nil && !missing {
		return nil, err
	}
	have, err := lookTable("")
	if err != nil || !have.exists {
		return steps, err
	}
	found := have.ours()
	if found.empty() && len(have.chains) > 0 {
		return steps, nil
	}
	return append(steps, found), nil
}

// An elementBatch collects elements that carry the same id.
type elementBatch struct {
	Elements
	id string
}

func (b *elementBatch) add(s Set, what, key, value string) {
	b.Elements.Elements = append(b.Elements.Elements, Element{Set: s.Name, Key: key, Value: value, Comment: mark + what + ":" + b.id})
}

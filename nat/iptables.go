package nat

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/minibridge/minibridge/plan"
)

// Chains of ours. Those of a purpose hold the rules of all networks, so that
// the order of purposes does not depend on the order of networks.
var (
	rawChain    = Chain{"raw", "MINIBRIDGE-RAW"}
	dnat        = Chain{"nat", "MINIBRIDGE"}
	postrouting = Chain{"nat", "MINIBRIDGE-POSTROUTING"}
	forward     = Chain{"filter", "MINIBRIDGE-FORWARD"}
	user        = Chain{"filter", "MINIBRIDGE-USER"} // the administrator's
	established = Chain{"filter", "MINIBRIDGE-ESTABLISHED"}
	internal    = Chain{"filter", "MINIBRIDGE-INTERNAL"}
	into        = Chain{"filter", "MINIBRIDGE"}
	out         = Chain{"filter", "MINIBRIDGE-OUT"}
)

// ourChains are all of them, in the order in which they are made.
var ourChains = []Chain{rawChain, user, forward, established, internal, into, out, dnat, postrouting}

// Iptables is the backend for iptables(8), in both of its variants.
func Iptables() Backend { return iptables{&looker{}} }

// IptablesKnowing is [Iptables] for many short processes: what one of them
// knows of the rules it leaves in a file, and the next need not list them.
func IptablesKnowing(file string) Backend { return iptables{&looker{file: file}} }

type iptables struct{ look *looker }

// Adopt lets an undo that was read from a journal look as the others do.
func (t iptables) Adopt(undo plan.Step) {
	if del, ok := undo.(*RulesDel); ok {
		del.look = t.look
	}
}

func (t iptables) batch(f Family, id string) *batch {
	return &batch{Rules: Rules{Family: f, look: t.look}, id: id}
}

// Host makes the chains, each built-in one with a single jump that stands
// first: what comes behind it, a DROP policy included, never sees our traffic.
func (t iptables) Host() (p plan.Plan) {
	b := t.batch(IPv4, "host")
	b.Chains = ourChains
	b.guard()
	b.order()
	b.lead()
	p.Do(&b.Rules, "chains of our own, one jump into each; from outside nobody gets at 127.0.0.0/8, or speaks as it")
	return p
}

// Host6 has no guard: a packet to ::1, or from it, comes in from no link
// (RFC 4291, section 2.5.3; ip6_rcv_core in net/ipv6/ip6_input.c). Nor does one
// leave: what is sent to ::1, or by a neighbour from its address of the link,
// can't be forwarded (section 2.5.6), and a program has to carry it.
func (t iptables) Host6() (p plan.Plan) {
	b := t.batch(IPv6, "host")
	b.Chains = ourChains
	b.jump("raw", "PREROUTING", "", rawChain)
	b.order()
	b.add(dnat, "link", "-s fe80::/10", "RETURN")
	b.add(dnat, "localhost", "-d ::1/128", "RETURN")
	b.add(dnat, "localhost", "-s ::1/128", "RETURN")
	b.lead()
	p.Do(&b.Rules, "the same chains for IPv6; an address of a link, or of the host alone, leads to nothing behind it")
	return p
}

// lead leads what is for the host, and what leaves it, to the rules of nat.
func (b *batch) lead() {
	const local = "-m addrtype --dst-type LOCAL"
	b.jump("nat", "PREROUTING", local, dnat)
	b.jump("nat", "OUTPUT", local, dnat)
	b.jump("nat", "POSTROUTING", "", postrouting)
}

// order leads what is forwarded through the chains, the administrator's first.
func (b *batch) order() {
	b.jump("filter", "FORWARD", "", forward)
	for _, c := range []Chain{user, established, internal, into, out} {
		b.add(forward, "order", "", c.Name)
	}
}

// Guard is the rules alone: the op of Host has them in their place.
func (t iptables) Guard() (p plan.Plan) {
	b := t.batch(IPv4, "host")
	b.guard()
	p.Do(&b.Rules, "from outside nobody gets at 127.0.0.0/8, or speaks as it")
	return p
}

func (b *batch) guard() {
	b.jump("raw", "PREROUTING", "", rawChain)
	b.add(rawChain, "guard", "-d 127.0.0.0/8 ! -i lo", "DROP")
	b.add(rawChain, "guard", "-s 127.0.0.0/8 ! -i lo", "DROP")
}

// Publish writes one rule for a mapping, however many ports it has. Which
// bridge leads to the target is the routing table's business here.
func (t iptables) Publish(pub Publish) (p plan.Plan) {
	if b := t.publish(pub); len(b.Rules.Rules) > 0 {
		p.Do(&b.Rules, whyPublish)
	}
	return p
}

// Unpublish deletes the same rules.
func (t iptables) Unpublish(pub Publish) []plan.Step {
	b := t.publish(pub)
	if len(b.Rules.Rules) == 0 {
		return nil
	}
	return []plan.Step{&RulesDel{Family: b.Family, Rules: b.Rules.Rules, look: t.look}}
}

func (t iptables) publish(pub Publish) *batch {
	b := t.batch(familyOf(pub.Target), pub.ID)
	for _, m := range pub.kernels() {
		match := fmt.Sprintf("-p %s -m %s --dport %s", m.Proto, m.Proto, portRange(m.HostPort, m.Count, ":"))
		if !m.Any() {
			match = fmt.Sprintf("-d %s/%d %s", m.HostIP, m.HostIP.BitLen(), match)
		}
		b.add(dnat, "publish", match, "DNAT --to-destination "+destination(pub.Target, m))
	}
	return b
}

// Redirect sends what is asked of a name server's address inside a container's
// namespace to the port that the server listens on: a socket on port 53 itself
// would keep programs of the container from 0.0.0.0:53. Answers go the same
// way back, as conntrack knows (RFC 3022, section 4.3).
func (t iptables) Redirect(r Redirect) (p plan.Plan) {
	b := t.batch(IPv4, r.ID)
	b.NS = r.NS
	for _, proto := range []string{"udp", "tcp"} {
		b.add(Chain{"nat", "OUTPUT"}, "names", fmt.Sprintf("-d %s/32 -p %s -m %s --dport 53", r.Addr, proto, proto),
			"DNAT --to-destination "+netip.AddrPortFrom(r.Addr, r.Port).String())
	}
	p.Do(&b.Rules, whyRedirect)
	return p
}

// destination is where a mapping leads. A run of equal ports needs none: the
// port then stays as it is. A shifted run needs its base, the host's first
// port: without it every port would land on the first one.
func destination(target netip.Addr, m Mapping) string {
	switch {
	case m.Count <= 1:
		return netip.AddrPortFrom(target, m.Port).String()
	case m.Port == m.HostPort:
		return target.String()
	}
	return fmt.Sprintf("%s/%d", net.JoinHostPort(target.String(), portRange(m.Port, m.Count, "-")), m.HostPort)
}

func portRange(first uint16, count int, sep string) string {
	if count <= 1 {
		return strconv.Itoa(int(first))
	}
	return fmt.Sprintf("%d%s%d", first, sep, last(first, count))
}

// A batch collects rules that carry the same id.
type batch struct {
	Rules
	id string
}

// add appends a rule, written as iptables-save(8) prints it.
func (b *batch) add(c Chain, what, match, target string) {
	if match != "" {
		match += " "
	}
	spec := fmt.Sprintf("%s-m comment --comment \"%s%s:%s\" -j %s", match, mark, what, b.id, target)
	b.Rules.Rules = append(b.Rules.Rules, Rule{Chain: c, Spec: spec})
}

func (b *batch) addf(c Chain, what, target, format string, args ...any) {
	b.add(c, what, fmt.Sprintf(format, args...), target)
}

// jump puts a jump into a chain of ours first in a built-in one.
func (b *batch) jump(table, builtin, match string, to Chain) {
	b.add(Chain{table, builtin}, "jump", match, to.Name)
	b.Rules.Rules[len(b.Rules.Rules)-1].First = true
}

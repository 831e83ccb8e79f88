package nat

import (
	"net/netip"

	"github.com/minibridge/minibridge/plan"
)

// Network writes the rules of IPv4, then what those make safe, then IPv6's.
func (t iptables) Network(n Network) (p plan.Plan) {
	why := whyOpen
	if n.Internal {
		why = whyClosed
	}
	if n.Subnet.IsValid() {
		b := t.network(IPv4, n, n.Subnet.Masked())
		if !n.Internal {
			b.addf(postrouting, "localhost", "MASQUERADE", "-s 127.0.0.0/8 -o %s", quote(n.Bridge))
		}
		p.Do(&b.Rules, why)
	}
	p = append(p, localnet(n)...)
	if n.Subnet6.IsValid() {
		p.Do(&t.network(IPv6, n, n.Subnet6.Masked()).Rules, why)
	}
	if !n.Subnet.IsValid() {
		b := t.batch(IPv4, n.ID)
		b.addf(rawChain, "family", "DROP", "-i %s", quote(n.Bridge))
		p.Do(&b.Rules, "a network without IPv4 has no packet of it: a made-up address leads nowhere")
	}
	return p
}

// network is a network's rules that both families have.
func (t iptables) network(f Family, n Network, subnet netip.Prefix) *batch {
	b, br := t.batch(f, n.ID), quote(n.Bridge)
	if n.Internal || !n.KeepSource { // else that is where the answers come in
		b.addf(rawChain, "direct", "DROP", "-d %s ! -i %s -m addrtype ! --dst-type LOCAL", subnet, br)
	}
	// Answers have gone by then: a container's flows may go on another way.
	b.addf(internal, "spoof", "DROP", "-s %s ! -i %s", subnet, br)
	if n.Internal {
		b.closed(n, subnet, br)
		return b
	}
	b.addf(established, "established", "ACCEPT", "-o %s -m conntrack --ctstate RELATED,ESTABLISHED", br)
	b.addf(into, "published", "ACCEPT", "-o %s -m conntrack --ctstate DNAT", br)
	b.addf(into, "peers", n.peers(), "-i %s -o %s", br, br)
	b.addf(into, "isolate", "DROP", "-o %s", br)
	for _, bridge := range n.Apart {
		b.addf(out, "apart", "DROP", "-i %s -o %s -m conntrack ! --ctstate DNAT", br, quote(bridge))
	}
	b.addf(out, "outgoing", "ACCEPT", "-i %s", br)

	if !n.KeepSource {
		// What the host sends to its own address on the bridge goes over lo.
		b.addf(postrouting, "masquerade", "MASQUERADE", "-s %s ! -o %s -m addrtype ! --dst-type LOCAL", subnet, br)
	}
	b.addf(postrouting, "hairpin", "MASQUERADE", "-s %s -o %s -m conntrack --ctstate DNAT", subnet, br)
	return b
}

// closed is the rules of an internal network. Its drops come before anything
// that accepts a published port: otherwise its containers would reach other
// networks' by their published ports on the host's address here. What they
// send to any other address of the host never passes FORWARD: it is dropped
// before. Of IPv6 that must not hit what no link is without: neighbours look
// for each other, and for the host, by addresses of the link alone (RFC 4861).
func (b *batch) closed(n Network, subnet netip.Prefix, br string) {
	if b.Family == IPv6 {
		b.addf(rawChain, "link", "RETURN", "-d fe80::/10 -i %s", br)
		b.addf(rawChain, "link", "RETURN", "-d ff02::/16 -i %s", br)
	}
	b.addf(rawChain, "internal", "DROP", "! -d %s -i %s", subnet, br)
	b.addf(internal, "internal", "DROP", "-i %s ! -o %s", br, br)
	b.addf(internal, "internal", "DROP", "! -i %s -o %s", br, br)
	b.addf(into, "peers", n.peers(), "-i %s -o %s", br, br)
}

// peers is what becomes of a packet from one container to another that passes
// the host: bridged ones are the bridge ports' to refuse, but a frame may be
// sent to the bridge's own MAC, as if it were for a router.
func (n Network) peers() string {
	if n.Isolated {
		return "DROP"
	}
	return "ACCEPT"
}

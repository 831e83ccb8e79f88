package nat

// The sets and maps of our table. Networks and published ports are elements of
// them.
var (
	open     = Set{Name: "open", Key: "ifname"}                                // bridges of networks that have a way out
	closed   = Set{Name: "internal", Key: "ifname"}                            // … that have none
	noIPv4   = Set{Name: "no_ipv4", Key: "ifname"}                             // bridges of networks without IPv4
	peers    = Set{Name: "peers", Key: "ifname . ifname"}                      // each bridge with itself, where containers reach each other
	separate = Set{Name: "apart", Key: "ifname . ifname"}                      // each bridge with those of others, where only published ports are reached
	subnets  = Set{Name: "subnets", Key: "ipv4_addr", Interval: true}          // all of them
	subnets6 = Set{Name: "subnets6", Key: "ipv6_addr", Interval: true}         //
	hidden   = Set{Name: "hidden", Key: "ipv4_addr", Interval: true}           // subnets whose addresses nobody outside sees
	hidden6  = Set{Name: "hidden6", Key: "ipv6_addr", Interval: true}          //
	inside   = Set{Name: "inside", Key: "ipv4_addr . ifname", Interval: true}  // each subnet with its bridge
	inside6  = Set{Name: "inside6", Key: "ipv6_addr . ifname", Interval: true} //
	// Published ports, one by one or in runs, on every address or on one.
	ports4    = Set{Name: "ports", Key: "inet_proto . inet_service", Value: "ipv4_addr . inet_service"}
	ports4At  = Set{Name: "ports_at", Key: "ipv4_addr . inet_proto . inet_service", Value: "ipv4_addr . inet_service"}
	ranges4   = Set{Name: "ranges", Key: "inet_proto . inet_service", Value: "ipv4_addr", Interval: true}
	ranges4At = Set{Name: "ranges_at", Key: "ipv4_addr . inet_proto . inet_service", Value: "ipv4_addr", Interval: true}
	ports6    = Set{Name: "ports6", Key: "inet_proto . inet_service", Value: "ipv6_addr . inet_service"}
	ports6At  = Set{Name: "ports6_at", Key: "ipv6_addr . inet_proto . inet_service", Value: "ipv6_addr . inet_service"}
	ranges6   = Set{Name: "ranges6", Key: "inet_proto . inet_service", Value: "ipv6_addr", Interval: true}
	ranges6At = Set{Name: "ranges6_at", Key: "ipv6_addr . inet_proto . inet_service", Value: "ipv6_addr", Interval: true}
)

// ourSets are all of them, in the order in which they are made.
var ourSets = []Set{open, closed, noIPv4, peers, separate, subnets, hidden, inside, subnets6, hidden6, inside6,
	ports4, ranges4, ports4At, ranges4At, ports6, ranges6, ports6At, ranges6At}

func guardRules() []TableRule {
	return []TableRule{
		rule("guard", `ip daddr 127.0.0.0/8 iifname != "lo" drop`, "a neighbour or a container to what the host serves on 127.0.0.1"),
		rule("guard", `ip saddr 127.0.0.0/8 iifname != "lo" drop`, "a neighbour or a container that says it is the host itself"),
	}
}

// rawRules come before anybody knows what is an answer. An internal network's
// IPv6 must not lose what no link is without: neighbours look for each other,
// and for the host, by addresses of the link alone (RFC 4861).
func rawRules() TableChain {
	return TableChain{Name: "raw", Hook: "filter hook prerouting priority -300", Rules: append(guardRules(),
		rule("direct", "ip daddr @hidden ip daddr . iifname != @inside fib daddr type != local drop", "outside, or another network, to a container's address"),
		rule("direct", "ip6 daddr @hidden6 ip6 daddr . iifname != @inside6 fib daddr type != local drop", "the same of IPv6"),
		rule("family", "iifname @no_ipv4 meta nfproto ipv4 drop", "a made-up IPv4 address on a network without"),
		rule("link", "iifname @internal ip6 daddr { fe80::/10, ff02::/16 } accept", "neighbours on an internal network find each other"),
		rule("internal", "iifname @internal ip daddr . iifname != @inside drop", "an internal network to anything but itself and its gateway"),
		rule("internal", "iifname @internal ip6 daddr . iifname != @inside6 drop", "the same of IPv6"),
	)}
}

// forwardRules drop what is for an internal network, or from it, before they
// let in what is published: otherwise its containers would reach other
// networks' by their published ports on the host's address there.
func forwardRules() TableChain {
	return TableChain{Name: "forward", Hook: "filter hook forward priority 0", Rules: []TableRule{
		rule("order", "jump "+admins, "all that is forwarded: the administrator has the first word"),
		rule("established", "oifname @open ct state established,related accept", "answers, and all that goes on"),
		rule("peers", "iifname . oifname @peers accept", "container to container on one network, where br_netfilter shows that"),
		rule("spoof", "ip saddr @subnets ip saddr . iifname != @inside drop", "from outside, or another network, in the name of a container"),
		rule("spoof", "ip6 saddr @subnets6 ip6 saddr . iifname != @inside6 drop", "the same of IPv6"),
		rule("internal", "iifname @internal drop", "out of an internal network"),
		rule("internal", "oifname @internal drop", "into one"),
		rule("apart", "iifname . oifname @apart ct status dnat accept", "to a port that Docker has published"),
		rule("apart", "iifname . oifname @apart drop", "to a container of Docker's by its address"),
		rule("published", "oifname @open ct status dnat accept", "to a published port, also from another network"),
		rule("isolate", "oifname @open drop", "to a container by its address, from another network or from outside"),
	}}
}

// postroutingRules leave alone what the host sends to its own address on a
// bridge, which goes over lo.
func postroutingRules() TableChain {
	return TableChain{Name: "postrouting", Hook: "nat hook postrouting priority 100", Rules: []TableRule{
		rule("masquerade", "ip saddr @hidden ip saddr . oifname != @inside fib daddr type != local masquerade", "a container to the outside: as the host"),
		rule("masquerade", "ip6 saddr @hidden6 ip6 saddr . oifname != @inside6 fib daddr type != local masquerade", "the same of IPv6"),
		rule("hairpin", "ip saddr . oifname @inside ct status dnat masquerade", "a container to a published port of its own network: the answer has to come back through the host"),
		rule("hairpin", "ip6 saddr . oifname @inside6 ct status dnat masquerade", "the same of IPv6"),
		rule("localhost", "ip saddr 127.0.0.0/8 oifname @open masquerade", "the host's 127.0.0.1 to a published port"),
	}}
}

// rule is one of the host's.
func rule(what, text, path string) TableRule {
	return TableRule{Text: text, Comment: mark + what + ":host", Path: path}
}

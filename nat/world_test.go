package nat_test

// world has c1 and c2 on one bridge and c3 on another, a host that drops what
// it would forward, and checks where packets come from.
const world = `
network() { # BRIDGE GATEWAY
	ip link add $1 type bridge
	ip addr add $2 dev $1
	ip link set $1 up
}
container() { # NAME BRIDGE ADDRESS GATEWAY
	ip netns add $1
	ip link add v$1 master $2 up type veth peer name eth0 netns $1
	bridge link set dev v$1 hairpin on
	ip -n $1 addr add $3 dev eth0
	ip -n $1 link set lo up
	ip -n $1 link set eth0 up
	ip -n $1 route add default via $4
}
network minibr0 172.17.0.1/16
network mb-77aa77aa77aa 172.18.0.1/16
container c1 minibr0 172.17.0.2/16 172.17.0.1
container c2 minibr0 172.17.0.3/16 172.17.0.1
container c3 mb-77aa77aa77aa 172.18.0.2/16 172.18.0.1
sysctl -qw net.ipv4.ip_forward=1
iptables -P FORWARD DROP
`

// world6 adds IPv6 to world, and an uplink with it.
const world6 = world + `
address() { # DEV ADDRESS [NAME GATEWAY]
	ip ${3:+-n $3} addr add $2 nodad dev $1
	test -z "$4" || ip -n $3 -6 route add default via $4
}
sysctl -qw net.ipv6.conf.all.disable_ipv6=0
address uplink 2001:db8:2::1/64
address eth0 2001:db8:2::2/64 outside
address minibr0 fd00:17::1/64
address mb-77aa77aa77aa fd00:18::1/64
address eth0 fd00:17::2/64 c1 fd00:17::1
address eth0 fd00:17::3/64 c2 fd00:17::1
address eth0 fd00:18::2/64 c3 fd00:18::1
sysctl -qw net.ipv6.conf.all.forwarding=1
`

// Package ipam chooses: a subnet for a network, an address for a container.
// Its choices are pure functions over what is taken; who remembers what was
// given is somebody else.
package ipam

import (
	"fmt"
	"net"
	"net/netip"
)

// Pools are Docker's 31 default address pools, in its order of choice:
// 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 and on in steps of 16.
func Pools() []netip.Prefix {
	var pools []netip.Prefix
	for b := 17; b <= 31; b++ {
		pools = append(pools, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(b), 0, 0}), 16))
	}
	for c := 0; c < 256; c += 16 {
		pools = append(pools, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(c), 0}), 20))
	}
	return pools
}

// Taken is a range of addresses that a network can't have, and who has it.
type Taken struct {
	Prefix netip.Prefix
	By     string // for a person: "route on docker0"
}

// Conflict returns the first of taken that overlaps p.
func Conflict(p netip.Prefix, taken []Taken) (Taken, bool) {
	for _, t := range taken {
		if t.Prefix.Overlaps(p) {
			return t, true
		}
	}
	return Taken{}, false
}

// Pool is the first default pool that overlaps nothing of taken.
func Pool(taken []Taken) (netip.Prefix, error) {
	for _, p := range Pools() {
		if _, hit := Conflict(p, taken); !hit {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("all predefined address pools have been fully subnetted")
}

// Gateway is the first address of a subnet after the network's own.
func Gateway(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

// Address is the lowest free address of a subnet. The network's own, the
// broadcast address (RFC 919) and the gateway are nobody's. ok is false when
// all are taken.
func Address(subnet netip.Prefix, gateway netip.Addr, taken map[netip.Addr]bool) (addr netip.Addr, ok bool) {
	for a := subnet.Masked().Addr().Next(); subnet.Contains(a); a = a.Next() {
		last := !subnet.Contains(a.Next())
		if a != gateway && !last && !taken[a] {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// MAC is the hardware address that Docker derives from an IPv4 address:
// 02:42 (locally administered, unicast) and its four octets. An address that
// changes hands keeps its MAC, so no neighbour's cache goes stale.
func MAC(addr netip.Addr) net.HardwareAddr {
	a := addr.As4()
	return net.HardwareAddr{0x02, 0x42, a[0], a[1], a[2], a[3]}
}

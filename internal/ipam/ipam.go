// Package ipam chooses: a subnet for a network, an address for a container.
// Its choices are pure functions over what is taken; who remembers what was
// given is somebody else.
package ipam

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"

	"go4.org/netipx"
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
	return netip.Prefix{}, errExhausted
}

var errExhausted = errors.New("all predefined address pools have been fully subnetted")

// ULA is the machine's own range of IPv6 addresses for use inside (RFC 4193): a
// /48 that no other machine has, as far as 40 bits can tell them apart, and that
// stays the same. The id is that of machine-id(5), which asks not to be told on:
// the range doesn't give it away.
func ULA(machineID string) netip.Prefix {
	mac := hmac.New(sha256.New, []byte(machineID))
	mac.Write([]byte("minibridge address pool"))
	a := [16]byte{0xfd}
	copy(a[1:6], mac.Sum(nil))
	return netip.PrefixFrom(netip.AddrFrom16(a), 48)
}

// Pool6 is the first /64 of a range, which is a /48, that overlaps nothing of
// taken.
func Pool6(ula netip.Prefix, taken []Taken) (netip.Prefix, error) {
	a := ula.Masked().Addr().As16()
	for n := range 1 << 16 {
		binary.BigEndian.PutUint16(a[6:], uint16(n))
		p := netip.PrefixFrom(netip.AddrFrom16(a), 64)
		if _, hit := Conflict(p, taken); !hit {
			return p, nil
		}
	}
	return netip.Prefix{}, errExhausted
}

// A Plot is a subnet and what of it containers can have.
type Plot struct {
	Subnet  netip.Prefix
	Range   netip.Prefix // a part of it that addresses are chosen from; invalid = all
	Gateway netip.Addr   // nobody's else
	Aux     []netip.Addr // set aside for what is no container
}

// FirstGateway is the gateway of a plot that names none: its first free
// address.
func (p Plot) FirstGateway() (netip.Addr, bool) {
	if p.Subnet.Bits() == p.Subnet.Addr().BitLen() {
		return p.Subnet.Addr(), true // a /32, or /128, is all gateway
	}
	p.Gateway = netip.Addr{}
	return p.Free(nil)
}

// Free is the lowest free address. ok is false when all are taken. It looks at
// one address more than are not free: an IPv6 subnet has too many to look at all.
func (p Plot) Free(taken map[netip.Addr]bool) (addr netip.Addr, ok bool) {
	from := p.Subnet
	if p.Range.IsValid() {
		from = p.Range
	}
	for a := from.Masked().Addr(); from.Contains(a); a = a.Next() {
		if !p.Reserved(a) && !taken[a] {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Reserved says that an address of the subnet is no container's: the network's
// own, which with IPv6 is any router's (RFC 4291, section 2.6.1); the broadcast
// address (RFC 919), which IPv6 has not; the gateway, the auxiliary ones. A /31
// and a /127 are two addresses like any other (RFC 3021, RFC 6164).
func (p Plot) Reserved(a netip.Addr) bool {
	if p.Subnet.Bits() < p.Subnet.Addr().BitLen()-1 {
		if a == p.Subnet.Masked().Addr() || a.Is4() && a == netipx.PrefixLastIP(p.Subnet) {
			return true
		}
	}
	return a == p.Gateway || slices.Contains(p.Aux, a)
}

// MAC is the hardware address that Docker derives from an IPv4 address:
// 02:42 (locally administered, unicast) and its four octets. An address that
// changes hands keeps its MAC, so no neighbour's cache goes stale.
//
// Of an IPv6 address, for who has no other, it takes the interface identifier
// (RFC 4291, section 2.5.1), one half folded onto the other: fd00::2 gives
// 02:42:00:00:00:02, and no two addresses get the same that differ in one half
// alone, as those do that are given in a row.
func MAC(addr netip.Addr) net.HardwareAddr {
	a := addr.As16() // an IPv4 address stands in the last four
	if addr.Is6() {
		for i := range 4 {
			a[12+i] ^= a[8+i]
		}
	}
	return net.HardwareAddr{0x02, 0x42, a[12], a[13], a[14], a[15]}
}

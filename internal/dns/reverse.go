package dns

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// address is the one that a question wants the name of, as in
// 2.0.18.172.in-addr.arpa (RFC 1035, section 3.5; RFC 3596, section 2.5).
func address(q dns.Question) (addr netip.Addr, ok bool) {
	if q.Qtype != dns.TypePTR || q.Qclass != dns.ClassINET {
		return netip.Addr{}, false
	}
	name := strings.ToLower(q.Name)
	if octets, ok := strings.CutSuffix(name, ".in-addr.arpa."); ok {
		addr, err := netip.ParseAddr(backwards(octets, "."))
		return addr, err == nil && addr.Is4()
	}
	if nibbles, ok := strings.CutSuffix(name, ".ip6.arpa."); ok && strings.Count(nibbles, ".") == 31 {
		b, err := hex.DecodeString(backwards(nibbles, ""))
		addr, ok := netip.AddrFromSlice(b)
		return addr, err == nil && ok && addr.Is6()
	}
	return netip.Addr{}, false
}

// backwards turns labels around and puts sep between them.
func backwards(labels, sep string) string {
	l := strings.Split(labels, ".")
	slices.Reverse(l)
	return strings.Join(l, sep)
}

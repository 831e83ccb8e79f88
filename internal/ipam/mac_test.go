package ipam_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/ipam"
)

func TestMACIsDockers(t *testing.T) {
	t.Parallel()
	for a, want := range map[string]string{
		"172.17.0.2":           "02:42:ac:11:00:02",
		"fd00::2":              "02:42:00:00:00:02",
		"fd00:1::1:0:0:2":      "02:42:00:01:00:02",
		"2001:db8::a:b:c0a8:2": "02:42:c0:a2:00:09",
	} {
		if got := ipam.MAC(addr(a)).String(); got != want {
			t.Errorf("of %s: %s, not %s", a, got, want)
		}
	}
}

// Those that are given in a row differ in their last 32 bits.
func TestNoTwoAddressesInARowHaveTheSameMAC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subnet := subnet6(t, 64, 96)
		a := rapid.Uint32().Draw(t, "one")
		b := rapid.Uint32().Filter(func(b uint32) bool { return a != b }).Draw(t, "another")
		at := func(n uint32) netip.Addr {
			ip := subnet.Masked().Addr().As16()
			binary.BigEndian.PutUint32(ip[12:], n)
			return netip.AddrFrom16(ip)
		}
		if one, other := ipam.MAC(at(a)), ipam.MAC(at(b)); one.String() == other.String() {
			t.Errorf("%s and %s have the same: %s", at(a), at(b), one)
		}
	})
}

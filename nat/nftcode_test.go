package nat

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKeysAreCodedInWholeRegisters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ types, text, first, last string }{
		{"ipv4_addr", "172.17.0.0/16", "\xac\x11\x00\x00", "\xac\x11\xff\xff"},
		{"inet_proto . inet_service", "tcp . 8000-8100", "\x06\x00\x00\x00\x1f\x40\x00\x00", "\x06\x00\x00\x00\x1f\xa4\x00\x00"},
		{"ifname", `"minibr0"`, "minibr0\x00\x00\x00\x00\x00\x00\x00\x00\x00", "minibr0\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"ipv6_addr", "fd00::1", "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"},
	} {
		first, last, err := encodeWords(c.types, c.text)
		if err != nil || string(first) != c.first || string(last) != c.last {
			t.Errorf("%s: %q, %q, %v", c.text, first, last, err)
		}
	}
	for types, text := range map[string]string{
		"ifname":                    `"sixteen-bytes-xx"`,
		"ipv4_addr . ifname":        "172.17.0.1",
		"inet_proto . inet_service": "icmp . 8",
		"inet_service":              "65536",
		"ipv4_addr":                 "host",
		"ipv6_addr":                 "fd00::/129",
	} {
		if _, _, err := encodeWords(types, text); err == nil {
			t.Errorf("%q is taken for %s", text, types)
		}
	}
}

// The last address of all has none behind it.
func TestAnIntervalCanEndWithTheLastAddress(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]int{"255.0.0.0/8": 1, "10.0.0.0/8": 2, "0.0.0.0/0": 1} {
		coded, err := hidden.encode(Element{Set: hidden.Name, Key: prefix})
		if err != nil || len(coded) != want {
			t.Errorf("%s: %d elements, %v; want %d", prefix, len(coded), err, want)
		}
	}
}

// Whatever a map has is told as nft(8) would be.
func FuzzWords(f *testing.F) {
	f.Add("tcp", uint16(80), uint16(443), "172.17.0.2", "br0")
	f.Fuzz(func(t *testing.T, proto string, from, to uint16, addr, dev string) {
		const types = "inet_proto . inet_service . ipv4_addr"
		text := proto + " . " + portRange(from, int(to)-int(from)+1, "-") + " . " + addr
		first, last, err := encodeWords(types, text)
		if err != nil || len(first) != 12 {
			return
		}
		told := decodeWords(types, first, last)
		again, end, err := encodeWords(types, told)
		if d := cmp.Diff([][]byte{first, last}, [][]byte{again, end}); err == nil && d != "" {
			t.Errorf("%q is told as %q: %s", text, told, d)
		}
		encodeWords("ifname", dev)
		decodeWords(types, []byte(dev), []byte(addr))
		nftComment([]byte(dev))
	})
}

package nat

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"go4.org/netipx"
	"golang.org/x/sys/unix"
)

// encode writes an element as the kernel has it. One of a set of intervals with
// a single type is two: where it begins, and where the next could.
func (s Set) encode(e Element) ([]nftables.SetElement, error) {
	first, end, err := encodeWords(s.Key, e.Key)
	if err != nil {
		return nil, fmt.Errorf("element %s of set %s: %w", e.Key, s.Name, err)
	}
	coded := nftables.SetElement{Key: first, Comment: e.Comment}
	if s.Value != "" {
		if coded.Val, _, err = encodeWords(s.Value, e.Value); err != nil {
			return nil, fmt.Errorf("value %s of map %s: %w", e.Value, s.Name, err)
		}
	}
	switch {
	case !s.Interval:
	case strings.Contains(s.Key, " . "):
		coded.KeyEnd = end
	default:
		return append([]nftables.SetElement{coded}, intervalEnd(end)...), nil
	}
	return []nftables.SetElement{coded}, nil
}

// intervalEnd is what stands behind the last address; nothing does behind the
// last of all.
func intervalEnd(last []byte) []nftables.SetElement {
	addr, _ := netip.AddrFromSlice(last)
	if next := addr.Next(); next.IsValid() {
		return []nftables.SetElement{{Key: next.AsSlice(), IntervalEnd: true}}
	}
	return nil
}

// encodeWords gives the first and the last of what a key stands for. Of several
// types each fills whole registers of 32 bits.
func encodeWords(types, text string) (first, last []byte, err error) {
	kinds, words := strings.Split(types, " . "), strings.Split(text, " . ")
	if len(kinds) != len(words) {
		return nil, nil, fmt.Errorf("it is not %s", types)
	}
	for i, kind := range kinds {
		lo, hi, err := encodeWord(kind, words[i])
		if err != nil {
			return nil, nil, err
		}
		first, last = append(first, padded(lo)...), append(last, padded(hi)...)
	}
	return first, last, nil
}

func padded(b []byte) []byte { return append(b, make([]byte, (4-len(b)%4)%4)...) }

// protocols are those that ports can have.
var protocols = map[string]byte{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP, "sctp": unix.IPPROTO_SCTP}

func encodeWord(kind, word string) (first, last []byte, err error) {
	switch kind {
	case "inet_proto":
		n, ok := protocols[word]
		if !ok {
			return nil, nil, fmt.Errorf("%q is no protocol with ports", word)
		}
		return []byte{n}, []byte{n}, nil
	case "inet_service":
		return encodePorts(word)
	case "ifname":
		return encodeName(word)
	}
	return encodeAddrs(word)
}

func encodePorts(word string) (first, last []byte, err error) {
	from, to, isRange := strings.Cut(word, "-")
	if !isRange {
		to = from
	}
	lo, err := strconv.ParseUint(from, 10, 16)
	if err != nil {
		return nil, nil, err
	}
	hi, err := strconv.ParseUint(to, 10, 16)
	return binary.BigEndian.AppendUint16(nil, uint16(lo)), binary.BigEndian.AppendUint16(nil, uint16(hi)), err
}

func encodeName(word string) (first, last []byte, err error) {
	name, err := strconv.Unquote(word)
	if err != nil || len(name) >= unix.IFNAMSIZ {
		return nil, nil, fmt.Errorf("%s is no name of a link", word)
	}
	b := bytes.Join([][]byte{[]byte(name), make([]byte, unix.IFNAMSIZ-len(name))}, nil)
	return b, bytes.Clone(b), nil
}

func encodeAddrs(word string) (first, last []byte, err error) {
	if strings.Contains(word, "/") {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, nil, err
		}
		return p.Addr().AsSlice(), netipx.PrefixLastIP(p).AsSlice(), nil
	}
	addr, err := netip.ParseAddr(word)
	return addr.AsSlice(), addr.AsSlice(), err
}

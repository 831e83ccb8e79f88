package nat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// lookElements asks the kernel for each of these keys: nil where there is none.
// That takes as long with a thousand others in the set as with none, which a
// listing would not.
func lookElements(elements []Element) ([]*Element, error) {
	socket, err := nl.Subscribe(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	shared := map[int]*nl.SocketHandle{unix.NETLINK_NETFILTER: {Socket: socket}}
	found := make([]*Element, len(elements))
	for i, e := range elements {
		if found[i], err = lookElement(shared, e); err != nil {
			return nil, fmt.Errorf("look for %s in %s: %w", e.Key, e.Set, err)
		}
	}
	return found, nil
}

// lookElement gives what the key of an element is found in: of a set of
// intervals that can be another one.
func lookElement(sockets map[int]*nl.SocketHandle, e Element) (*Element, error) {
	set := setNamed(e.Set)
	coded, err := set.encode(e)
	if err != nil {
		return nil, err
	}
	want := coded[0]
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETSETELEM, 0)
	req.Sockets = sockets
	req.AddData(&nl.Nfgenmsg{NfgenFamily: unix.NFPROTO_INET})
	req.AddData(nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_TABLE, nl.ZeroTerminated("minibridge")))
	req.AddData(nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, nl.ZeroTerminated(set.Name)))
	list := nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_ELEMENTS|unix.NLA_F_NESTED, nil)
	element := list.AddRtAttr(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, nil)
	element.AddRtAttr(unix.NFTA_SET_ELEM_KEY|unix.NLA_F_NESTED, nil).AddRtAttr(unix.NFTA_DATA_VALUE, want.Key)
	if want.KeyEnd != nil {
		element.AddRtAttr(elemKeyEnd|unix.NLA_F_NESTED, nil).AddRtAttr(unix.NFTA_DATA_VALUE, want.KeyEnd)
	}
	req.AddData(list)
	msgs, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil // no such element, set or table
	}
	if err != nil {
		return nil, err
	}
	if len(msgs) != 1 {
		return nil, fmt.Errorf("the kernel gives %d answers", len(msgs))
	}
	var have nftElement
	if err := have.parse(msgs[0][nl.SizeofNfgenmsg:]); err != nil {
		return nil, err
	}
	found := &Element{Set: set.Name, Key: e.Key, Comment: have.comment}
	if !bytes.Equal(have.key, want.Key) || !bytes.Equal(have.keyEnd, want.KeyEnd) {
		found.Key = decodeWords(set.Key, have.key, have.keyEnd)
	}
	if set.Value != "" {
		found.Value = decodeWords(set.Value, have.value, nil)
	}
	return found, nil
}

// elemKeyEnd is NFTA_SET_ELEM_KEY_END of linux/netfilter/nf_tables.h.
const elemKeyEnd = 10

// An nftElement is the bytes of an element of a set.
type nftElement struct {
	key, keyEnd, value []byte
	comment            string
}

// parse reads the first element of a message.
func (e *nftElement) parse(b []byte) error {
	var attrs nftAttrs
	for _, nested := range []uint16{unix.NFTA_SET_ELEM_LIST_ELEMENTS, unix.NFTA_LIST_ELEM, 0} {
		var err error
		if attrs, err = parseNFT(b); err != nil {
			return err
		}
		b = attrs[nested]
	}
	for at, into := range map[uint16]*[]byte{unix.NFTA_SET_ELEM_KEY: &e.key, elemKeyEnd: &e.keyEnd, unix.NFTA_SET_ELEM_DATA: &e.value} {
		data, err := parseNFT(attrs[at])
		if err != nil {
			return err
		}
		*into = data[unix.NFTA_DATA_VALUE]
	}
	e.comment = nftComment(attrs[unix.NFTA_SET_ELEM_USERDATA])
	return nil
}

// decodeWords is a key or a value as nft(8) writes it.
func decodeWords(types string, first, last []byte) string {
	var words []string
	for kind := range strings.SplitSeq(types, " . ") {
		size := map[string]int{"inet_proto": 1, "inet_service": 2, "ipv4_addr": 4, "ipv6_addr": 16, "ifname": unix.IFNAMSIZ}[kind]
		if len(first) < size {
			break
		}
		word := decodeWord(kind, first[:size])
		if len(last) >= size {
			if end := decodeWord(kind, last[:size]); end != word {
				word += "-" + end
			}
			last = last[min(len(padded(slices.Clone(last[:size]))), len(last)):]
		}
		words = append(words, word)
		first = first[min(len(padded(slices.Clone(first[:size]))), len(first)):]
	}
	return strings.Join(words, " . ")
}

func decodeWord(kind string, b []byte) string {
	switch kind {
	case "inet_proto":
		for name, n := range protocols {
			if n == b[0] {
				return name
			}
		}
		return strconv.Itoa(int(b[0]))
	case "inet_service":
		return strconv.Itoa(int(binary.BigEndian.Uint16(b)))
	case "ifname":
		return strconv.Quote(unix.ByteSliceToString(b))
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr.String()
}

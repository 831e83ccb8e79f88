package nat

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// A tableListing is what there is of our table, but for elements.
type tableListing struct {
	exists bool
	sets   []string
	chains []string
	rules  map[string][]tableRule // by chain, in their order
}

type tableRule struct {
	handle  uint64
	comment string
}

// lookTable asks the kernel, which takes as long with a thousand elements as
// with none.
func lookTable(ns plan.NS) (have *tableListing, err error) {
	err = ns.Do(func() error {
		have = &tableListing{rules: map[string][]tableRule{}}
		return have.read()
	})
	return have, err
}

func (l *tableListing) read() error {
	const table = "minibridge"
	read := func(get uint16, each func(attrs nftAttrs)) error {
		return nftDump(unix.NFPROTO_INET, get, func(_ uint8, attrs nftAttrs) {
			if attrs.text(nftTableAttr(get)) == table {
				each(attrs)
			}
		})
	}
	err := read(unix.NFT_MSG_GETTABLE, func(nftAttrs) { l.exists = true })
	if err != nil || !l.exists {
		return err
	}
	err = read(unix.NFT_MSG_GETSET, func(a nftAttrs) {
		// One without a name of its own goes with its rule.
		if flags := a[unix.NFTA_SET_FLAGS]; len(flags) < 4 || binary.BigEndian.Uint32(flags)&unix.NFT_SET_ANONYMOUS == 0 {
			l.sets = append(l.sets, a.text(unix.NFTA_SET_NAME))
		}
	})
	if err != nil {
		return err
	}
	if err := read(unix.NFT_MSG_GETCHAIN, func(a nftAttrs) { l.chains = append(l.chains, a.text(unix.NFTA_CHAIN_NAME)) }); err != nil {
		return err
	}
	return read(unix.NFT_MSG_GETRULE, func(a nftAttrs) {
		chain := a.text(unix.NFTA_RULE_CHAIN)
		l.rules[chain] = append(l.rules[chain], tableRule{
			handle:  binary.BigEndian.Uint64(a[unix.NFTA_RULE_HANDLE]),
			comment: nftComment(a[unix.NFTA_RULE_USERDATA]),
		})
	})
}

// nftTableAttr is the attribute that names the table of what a dump lists.
func nftTableAttr(get uint16) uint16 {
	switch get {
	case unix.NFT_MSG_GETTABLE:
		return unix.NFTA_TABLE_NAME
	case unix.NFT_MSG_GETSET:
		return unix.NFTA_SET_TABLE
	case unix.NFT_MSG_GETCHAIN:
		return unix.NFTA_CHAIN_TABLE
	}
	return unix.NFTA_RULE_TABLE
}

// nftAttrs are the attributes of one message, or of one that is nested in it.
type nftAttrs map[uint16][]byte

func (a nftAttrs) text(attr uint16) string { return strings.TrimRight(string(a[attr]), "\x00") }

func parseNFT(b []byte) (nftAttrs, error) {
	list, err := nl.ParseRouteAttr(b)
	attrs := nftAttrs{}
	for _, a := range list {
		attrs[a.Attr.Type&nl.NLA_TYPE_MASK] = a.Value
	}
	return attrs, err
}

// nftDump lists one kind of thing of a family.
func nftDump(family uint8, get uint16, each func(family uint8, attrs nftAttrs)) error {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|int(get), unix.NLM_F_DUMP)
	req.AddData(&nl.Nfgenmsg{NfgenFamily: family})
	msgs, err := whole(func() ([][]byte, error) { return req.Execute(unix.NETLINK_NETFILTER, 0) })
	if err != nil {
		return fmt.Errorf("list nftables: %w", err)
	}
	for _, b := range msgs {
		attrs, err := parseNFT(b[nl.SizeofNfgenmsg:])
		if err != nil {
			return fmt.Errorf("list nftables: %w", err)
		}
		each(b[0], attrs)
	}
	return nil
}

// nftComment finds the comment in what nft(8) notes beside a rule or an element
// (libnftnl, udata.h): triples of type, length and value.
func nftComment(notes []byte) string {
	const comment = 0
	for len(notes) >= 2 && len(notes) >= 2+int(notes[1]) {
		if notes[0] == comment {
			return strings.TrimRight(string(notes[2:2+int(notes[1])]), "\x00")
		}
		notes = notes[2+int(notes[1]):]
	}
	return ""
}

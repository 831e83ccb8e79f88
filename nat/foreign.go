package nat

import (
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ForeignChains names the chains of nftables that see what is forwarded and
// are neither ours nor those of iptables(8): with a policy of drop, or with
// rules in them. What one of them drops, no other can let through.
func ForeignChains() (chains []string, err error) {
	drops := map[string]bool{}
	err = nftDump(unix.NFPROTO_UNSPEC, unix.NFT_MSG_GETCHAIN, func(family uint8, a nftAttrs) {
		hook, _ := parseNFT(a[unix.NFTA_CHAIN_HOOK])
		number, policy := hook[unix.NFTA_HOOK_HOOKNUM], a[unix.NFTA_CHAIN_POLICY]
		name := nftFamilies[family] + " " + a.text(unix.NFTA_CHAIN_TABLE)
		if len(number) != 4 || binary.BigEndian.Uint32(number) != unix.NF_INET_FORWARD || len(policy) != 4 ||
			name == nftTable || slices.Contains([]string{"ip filter", "ip6 filter", "ip mangle", "ip6 mangle", "ip security", "ip6 security"}, name) {
			return
		}
		drops[name+" "+a.text(unix.NFTA_CHAIN_NAME)] = binary.BigEndian.Uint32(policy) == nfDrop
	})
	if err != nil || len(drops) == 0 {
		return nil, err
	}
	err = nftDump(unix.NFPROTO_UNSPEC, unix.NFT_MSG_GETRULE, func(family uint8, a nftAttrs) {
		name := strings.Join([]string{nftFamilies[family], a.text(unix.NFTA_RULE_TABLE), a.text(unix.NFTA_RULE_CHAIN)}, " ")
		if _, forwards := drops[name]; forwards {
			drops[name] = true
		}
	})
	for name, can := range drops {
		if can {
			chains = append(chains, name)
		}
	}
	slices.Sort(chains)
	return chains, err
}

// nftFamilies are those of which a chain can see IP packets being forwarded. In
// a bridge's, those are frames.
var nftFamilies = map[uint8]string{unix.NFPROTO_IPV4: "ip", unix.NFPROTO_IPV6: "ip6", unix.NFPROTO_INET: "inet", unix.NFPROTO_BRIDGE: "bridge"}

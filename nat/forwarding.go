package nat

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Forwarding gives the families of which iptables(8) does not forward
// everything: its FORWARD chain has a policy of DROP, or rules. Those of
// iptables-nft are found without a program.
func Forwarding() (limited []Family, err error) {
	for _, f := range []Family{IPv4, IPv6} {
		yes, err := f.limited()
		if err != nil {
			return nil, err
		}
		if yes {
			limited = append(limited, f)
		}
	}
	return limited, nil
}

// nfDrop is NF_DROP of linux/netfilter.h.
const nfDrop = 0

func (f Family) limited() (bool, error) {
	family := map[Family]uint8{IPv4: unix.NFPROTO_IPV4, IPv6: unix.NFPROTO_IPV6}[f]
	drops, rules := false, 0
	of := func(a nftAttrs, table, chain uint16) bool {
		return a.text(table) == "filter" && a.text(chain) == "FORWARD"
	}
	err := nftDump(family, unix.NFT_MSG_GETCHAIN, func(_ uint8, a nftAttrs) {
		drops = drops || of(a, unix.NFTA_CHAIN_TABLE, unix.NFTA_CHAIN_NAME) && a.drops()
	})
	if err == nil {
		err = nftDump(family, unix.NFT_MSG_GETRULE, func(_ uint8, a nftAttrs) {
			if of(a, unix.NFTA_RULE_TABLE, unix.NFTA_RULE_CHAIN) {
				rules++
			}
		})
	}
	if err != nil || drops || rules > 0 {
		return drops || rules > 0, err
	}
	if !f.hasLegacy("filter") {
		return false, nil
	}
	save, err := runTool(f.tool("-legacy-save"), "", "-t", "filter")
	return strings.Contains(save, "\n:FORWARD DROP") || strings.Contains(save, "\n-A FORWARD "), err
}

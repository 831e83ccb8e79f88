package engine

import (
	"fmt"
	"strings"

	"github.com/minibridge/minibridge/nat"
)

// administratorFindings tell what somebody else decided about forwarded
// packets.
func (e *Engine) administratorFindings() []Finding {
	if e.firewallName == "nftables" {
		return nftFindings()
	}
	var found []Finding
	switch policy, err := nat.ForwardPolicy(); {
	case err != nil:
		found = append(found, Finding{"bad", "FORWARD policy", err.Error()})
	case policy == "ACCEPT":
		found = append(found, Finding{"ok", "FORWARD policy", policy})
	default:
		found = append(found, Finding{"note", "FORWARD policy", policy + ": minibridge's chains stand before it, so its containers work; other bridges may not"})
	}
	rules, err := nat.UserRules()
	if err != nil {
		return append(found, Finding{"bad", "MINIBRIDGE-USER", err.Error()})
	}
	if len(rules) > 0 {
		found = append(found, Finding{"note", "MINIBRIDGE-USER", fmt.Sprintf("the administrator has %d there, which see each packet first; see: iptables -nvL MINIBRIDGE-USER", len(rules))})
	}
	return append(found, foreignFindings()...)
}

// nftFindings are those where no iptables may be installed.
func nftFindings() []Finding {
	var found []Finding
	switch beside, err := nat.Forwarding(); {
	case err != nil:
		found = append(found, Finding{"bad", "FORWARD of iptables", err.Error()})
	case len(beside) > 0:
		found = append(found, Finding{"note", "FORWARD of iptables", "it has rules, or a policy of DROP: minibridge's bridges get a way through it, and its own table says what takes that"})
	}
	if v, err := nat.FindVariant(); err == nil {
		found = append(found, otherVariantFindings(v)...)
	}
	rules, err := nat.UserNFTRules()
	if err != nil {
		return append(found, Finding{"bad", "chain user", err.Error()})
	}
	if rules > 0 {
		found = append(found, Finding{"note", "chain user", fmt.Sprintf("the administrator has %d there, which see each packet first; see: nft list chain inet minibridge user", rules)})
	}
	return append(found, foreignFindings()...)
}

// foreignFindings name chains that can drop what ours let through.
func foreignFindings() (found []Finding) {
	chains, err := nat.ForeignChains()
	if err != nil {
		return []Finding{{"bad", "other nftables", err.Error()}}
	}
	for _, c := range chains {
		found = append(found, Finding{"note", "other nftables", foreignWarning(c)})
	}
	return found
}

// foreignWarning says of firewalld, which takes new links for strangers, how it
// learns that one is not (firewall-cmd(1)).
func foreignWarning(chain string) string {
	text := fmt.Sprintf("chain %s can drop what minibridge lets through; see: nft list chain %s", chain, chain)
	if strings.HasPrefix(chain, "inet firewalld ") {
		text += "; firewalld lets a network out after: firewall-cmd --zone=trusted --add-interface=BRIDGE"
	}
	return text
}

package nat

import (
	"errors"
	"slices"
	"strings"

	ipt "github.com/coreos/go-iptables/iptables"
)

// asker asks iptables single questions.
func asker() (*ipt.IPTables, error) {
	path, err := FindTool(IPv4.tool(""))
	if err != nil {
		return nil, err
	}
	return ipt.New(ipt.Path(path), ipt.Timeout(lockWait))
}

// ForwardPolicy is what becomes of a forwarded packet that no rule decides:
// ACCEPT or DROP. It is somebody else's, and never changed here. Unlike what a
// plan looks at, which comes from one listing of everything, it is a single
// question.
func ForwardPolicy() (string, error) {
	t, err := asker()
	if err != nil {
		return "", err
	}
	rules, err := t.List("filter", "FORWARD")
	if err != nil {
		return "", err
	}
	for _, rule := range rules {
		if policy, ok := strings.CutPrefix(rule, "-P FORWARD "); ok {
			return policy, nil
		}
	}
	return "", errors.New("iptables names no policy of FORWARD")
}

// UserRules are the administrator's rules, in the chain that packets of
// containers pass first; none when there is no such chain.
func UserRules() ([]string, error) {
	t, err := asker()
	if err != nil {
		return nil, err
	}
	chains, err := t.ListChains(user.Table)
	if err != nil || !slices.Contains(chains, user.Name) {
		return nil, err
	}
	rules, err := t.List(user.Table, user.Name)
	return slices.DeleteFunc(rules, func(rule string) bool { return !strings.HasPrefix(rule, "-A ") }), err
}

// UserNFTRules counts the administrator's rules with nftables.
func UserNFTRules() (int, error) {
	have, err := lookTable("")
	if err != nil {
		return 0, err
	}
	return len(have.rules[admins]), nil
}

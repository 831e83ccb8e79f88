package nat

import "github.com/minibridge/minibridge/plan"

// Sweep finds what is ours by its marks: rules by their comment, chains by
// their name. A chain that the administrator's rules keep is none of it.
func (t iptables) Sweep() (plan.Step, error) {
	have, err := t.look.list(IPv4)
	if err != nil {
		return nil, err
	}
	found := &RulesDel{look: t.look}
	seen := map[string]bool{} // RulesDel removes all copies of a rule
	for _, r := range have.rules {
		if r.ours() && !seen[r.key()] {
			found.Rules = append(found.Rules, r)
			seen[r.key()] = true
		}
	}
	for _, c := range ourChains {
		_, stranger := have.leftovers(c, seen)
		if have.has(c) && (c != user || stranger == nil) {
			found.Chains = append(found.Chains, c)
		}
	}
	if len(found.Rules) == 0 && len(found.Chains) == 0 {
		return nil, nil
	}
	return found, nil
}

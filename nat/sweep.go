package nat

import (
	"errors"

	"github.com/minibridge/minibridge/plan"
)

// Sweep finds what is ours by its marks: rules by their comment, chains by
// their name. A chain that the administrator's rules keep is none of it.
func (t iptables) Sweep() (steps []plan.Step, err error) {
	for _, f := range []Family{IPv4, IPv6} {
		have, err := t.look.list(f)
		if _, missing := errors.AsType[*MissingToolError](err); missing && f == IPv6 {
			continue // which nobody has written a rule with
		}
		if err != nil {
			return nil, err
		}
		if found := have.ours(f); found != nil {
			found.look = t.look
			steps = append(steps, found)
		}
	}
	return steps, nil
}

// ours is the step that removes all that is ours; nil when nothing is.
func (l *listing) ours(f Family) *RulesDel {
	found := &RulesDel{Family: f}
	seen := map[string]bool{} // RulesDel removes all copies of a rule
	for _, r := range l.rules {
		if r.ours() && !seen[r.key()] {
			found.Rules = append(found.Rules, r)
			seen[r.key()] = true
		}
	}
	for _, c := range ourChains {
		_, stranger := l.leftovers(c, seen)
		if l.has(c) && (c != user || stranger == nil) {
			found.Chains = append(found.Chains, c)
		}
	}
	if len(found.Rules) == 0 && len(found.Chains) == 0 {
		return nil
	}
	return found
}

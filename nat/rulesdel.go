package nat

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// RulesDel removes rules and chains of ours. What is gone already is no error;
// what is not ours stays, and is named by the error.
type RulesDel struct {
	NS     plan.NS `json:"ns,omitempty"` // the network namespace that they stand in; zero is the host's
	Family Family  `json:"family,omitempty"`
	Chains []Chain `json:"chains,omitempty"`
	Rules  []Rule  `json:"rules,omitempty"`

	look *looker
}

// String is every command, as if all of it were there.
func (s *RulesDel) String() string {
	var cmds []command
	for _, r := range s.Rules {
		cmds = append(cmds, r.del())
	}
	for _, c := range slices.Backward(s.Chains) {
		cmd := command{c.Table, "-X " + c.Name}
		if c == user {
			cmd.args += " || true # it stays while it holds rules"
		}
		cmds = append(cmds, cmd)
	}
	sortDown(cmds)
	return text(s.NS, s.Family, cmds)
}

// Apply looks first: a batch with one rule gone would fail whole, and a rule
// that somebody added twice has to go twice.
func (s *RulesDel) Apply() error {
	return persist(s.apply)
}

func (s *RulesDel) apply() error {
	if s.NS != "" {
		return s.applyInside()
	}
	have, err := s.look.list(s.Family)
	if err != nil {
		return err
	}
	cmds, err := s.commands(have)
	return errors.Join(s.look.restore(s.Family, have, cmds), err)
}

// Covers is for some of the same.
func (s *RulesDel) Covers(later plan.Step) bool {
	o, ok := later.(*RulesDel)
	return ok && o.NS == s.NS && o.Family == s.Family && subset(o.Chains, s.Chains) && subset(o.Rules, s.Rules)
}

// subset says that all of some are among all.
func subset[T comparable](some, all []T) bool {
	among := make(map[T]bool, len(all))
	for _, one := range all {
		among[one] = true
	}
	for _, one := range some {
		if !among[one] {
			return false
		}
	}
	return true
}

// applyInside does so in a network namespace, which may have taken them along.
func (s *RulesDel) applyInside() error {
	err := s.NS.Do(func() error {
		have, err := list(s.Family)
		if err != nil {
			return err
		}
		cmds, err := s.commands(have)
		return errors.Join(restore(s.Family, cmds), err)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// commands are those that remove what there is. The error names what stays.
// Rules go in the order in which they came: iptables-restore looks for each from
// the first rule of its chain on, and would pass all that are to go, else.
func (s *RulesDel) commands(have *listing) (cmds []command, err error) {
	var errs []error
	doomed := map[string]bool{} // normal forms of the rules that go, with their chain
	for _, r := range s.Rules {
		for range have.copies(r) {
			cmds = append(cmds, r.del())
		}
		doomed[r.key()] = true
	}
	for _, c := range slices.Backward(s.Chains) {
		if !have.has(c) {
			continue
		}
		left, stranger := have.leftovers(c, doomed)
		for _, r := range left {
			cmds = append(cmds, r.del())
			doomed[r.key()] = true
		}
		switch {
		case stranger == nil:
			cmds = append(cmds, command{c.Table, "-X " + c.Name})
		case c != user: // the administrator's chain stays with what is in it
			errs = append(errs, &plan.CommandError{
				Command: text(s.NS, s.Family, []command{{c.Table, "-X " + c.Name}}),
				Err: fmt.Errorf("the chain stays, as a rule that is not ours is in it or leads to it: %s -t %s -A %s %s",
					s.Family.tool(""), c.Table, stranger.Name, stranger.Spec),
			})
		}
	}
	sortDown(cmds)
	return cmds, errors.Join(errs...)
}

// sortDown orders deletions: by table, and in a table all rules before any
// chain, as a chain goes only when empty and led to by none.
func sortDown(cmds []command) {
	slices.SortStableFunc(cmds, func(a, b command) int {
		if a.table != b.table {
			return rank(b.table) - rank(a.table)
		}
		return strings.Compare(a.args[:2], b.args[:2]) // -D, -X
	})
}

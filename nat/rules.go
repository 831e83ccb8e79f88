package nat

import (
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// mark begins the comment of every rule of ours: minibridge:<what>:<short id>.
const mark = "minibridge:"

// A Family is the IP version whose tables a rule stands in: each has its own
// tools, and a call of those is one transaction. The zero value is IPv4.
type Family string

// The families of iptables(8) and ip6tables(8).
const (
	IPv4 Family = ""
	IPv6 Family = "6"
)

// familyOf is an address's.
func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// tool names one of the family's tools: "", "-save" or "-restore".
func (f Family) tool(suffix string) string {
	return "ip" + string(f) + "tables" + suffix
}

// A Chain is one chain of a table.
type Chain struct {
	Table string `json:"table"` // "raw", "filter" or "nat"
	Name  string `json:"chain"`
}

// A Rule is one rule of a chain.
type Rule struct {
	Chain
	Spec  string `json:"spec"`            // as iptables-save(8) prints it behind the chain's name
	First bool   `json:"first,omitempty"` // stands first in its chain, whoever came first, rather than last; one a chain
}

// Rules makes chains and rules of ours: one call of iptables-restore(8), which
// commits table by table. What is there stays; what is missing is added in its
// place, so that the rules of one Rules keep their order inside a chain.
type Rules struct {
	NS     plan.NS // the network namespace that they stand in; zero is the host's
	Family Family
	Chains []Chain // made where absent, never flushed
	Rules  []Rule

	look  *looker
	found *listing // what Undo saw, for the Apply behind it; nil when it saw nothing missing
}

// String is every command on a clean machine. Between Undo and Apply it is
// the commands that this machine lacks.
func (s *Rules) String() string {
	return text(s.NS, s.Family, s.commands(s.found))
}

// Apply adds what is missing.
func (s *Rules) Apply() error {
	return persist(s.apply)
}

func (s *Rules) apply() (err error) {
	have := s.found
	s.found = nil // made a second time, it looks itself
	if have == nil {
		if have, err = s.list(); err != nil {
			return err
		}
	}
	if s.NS == "" {
		return s.look.restore(s.Family, have, s.commands(have))
	}
	return s.NS.Do(func() error { return restore(s.Family, s.commands(have)) })
}

// Undo removes exactly what Apply would add. A chain that is there already is
// left to whoever made it.
func (s *Rules) Undo() (plan.Step, error) {
	s.found = nil
	have, err := s.list()
	if s.NS != "" && errors.Is(err, fs.ErrNotExist) {
		return s.NS.Gone(), nil // no namespace yet
	}
	if err != nil {
		return nil, err
	}
	if len(s.commands(have)) == 0 {
		return nil, nil
	}
	s.found = have
	undo := &RulesDel{NS: s.NS, Family: s.Family, look: s.look}
	for _, c := range s.Chains {
		if !have.chains[c] {
			undo.Chains = append(undo.Chains, c)
		}
	}
	for _, r := range s.Rules {
		if have.copies(r) == 0 {
			undo.Rules = append(undo.Rules, r)
		}
	}
	if len(undo.Chains) == 0 && len(undo.Rules) == 0 {
		return &plan.Leave{Why: "the rules stay in the order they have now"}, nil
	}
	return undo, nil
}

// list looks in the namespace. Only looks at the host's are shared.
func (s *Rules) list() (have *listing, err error) {
	if s.NS == "" {
		return s.look.list(s.Family)
	}
	err = s.NS.Do(func() (err error) {
		have, err = list(s.Family)
		return err
	})
	return have, err
}

// commands are those that make s true of a kernel with what have says; nil is
// a clean one.
func (s *Rules) commands(have *listing) (cmds []command) {
	for _, c := range s.Chains {
		if !have.has(c) {
			cmds = append(cmds, command{c.Table, "-N " + c.Name})
		}
	}
	seen := map[Chain]bool{}
	for _, r := range s.Rules {
		if !seen[r.Chain] {
			cmds = append(cmds, s.chainCommands(have, r.Chain)...)
		}
		seen[r.Chain] = true
	}
	slices.SortStableFunc(cmds, func(a, b command) int { return rank(a.table) - rank(b.table) })
	return cmds
}

// chainCommands puts the rules of one chain there. With some of them there
// and some missing, those there are deleted and all are added anew: in the
// same transaction, so that no packet sees a gap.
func (s *Rules) chainCommands(have *listing, c Chain) (cmds []command) {
	var want []Rule
	for _, r := range s.Rules {
		if r.Chain == c {
			want = append(want, r)
		}
	}
	there := have.among(c, want)
	if inOrder(there, want) && (!want[0].First || have.leads(want[0])) {
		return nil
	}
	for _, r := range there {
		cmds = append(cmds, r.del())
	}
	for _, r := range want {
		cmds = append(cmds, r.add())
	}
	return cmds
}

// inOrder says that every rule of want is there, in that order; copies do no
// harm.
func inOrder(there, want []Rule) bool {
	there = slices.CompactFunc(slices.Clone(there), sameRule)
	return slices.EqualFunc(there, want, sameRule)
}

func (r Rule) add() command {
	if r.First {
		return command{r.Table, "-I " + r.Name + " 1 " + r.Spec}
	}
	return command{r.Table, "-A " + r.Name + " " + r.Spec}
}

func (r Rule) del() command {
	return command{r.Table, "-D " + r.Name + " " + r.Spec}
}

// A command is one line for iptables-restore(8) in a table.
type command struct{ table, args string }

// tableOrder is that in which rules come: drops are in place before anything
// is let through, and DNAT is last. They go the other way round.
var tableOrder = []string{"raw", "filter", "nat"}

func rank(table string) int { return slices.Index(tableOrder, table) }

// text is commands as a person would type them.
func text(ns plan.NS, f Family, cmds []command) string {
	lines := make([]string, len(cmds))
	for i, c := range cmds {
		lines[i] = ns.Exec() + f.tool("") + " -t " + c.table + " " + c.args
	}
	return strings.Join(lines, "\n")
}

package nat

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// nftTable is the one table of ours, of both families.
const nftTable = "inet minibridge"

// A Set is a set of the table, or a map if it has values.
type Set struct {
	Name     string
	Key      string // types of nft(8), with " . " between them
	Value    string // of what a map's key leads to; "" for a set
	Interval bool   // a key can be a range or a prefix
}

// setNamed is one of ours.
func setNamed(name string) Set {
	i := slices.IndexFunc(ourSets, func(s Set) bool { return s.Name == name })
	if i < 0 {
		return Set{Name: name}
	}
	return ourSets[i]
}

func (s Set) kind() string {
	if s.Value != "" {
		return "map"
	}
	return "set"
}

// add is the command that makes it.
func (s Set) add() string {
	spec := "type " + s.Key
	if s.Value != "" {
		spec += " : " + s.Value
	}
	spec += ";"
	if s.Interval {
		spec += " flags interval;"
	}
	return fmt.Sprintf("add %s %s %s { %s }", s.kind(), nftTable, s.Name, spec)
}

// A TableChain is a chain of the table with the rules of ours in it.
type TableChain struct {
	Name  string
	Hook  string // "filter hook forward priority 0"; "" where rules lead there
	Rules []TableRule
}

// add is the command that makes it, without its rules.
func (c TableChain) add() string {
	cmd := "add chain " + nftTable + " " + c.Name
	if c.Hook != "" {
		cmd += " { type " + c.Hook + "; policy accept; }"
	}
	return cmd
}

// A TableRule is known again by its comment: nft(8) prints the same rule in
// more than one way, from one version to the next.
type TableRule struct {
	Text    string // without the comment
	Comment string // minibridge:<what>:<short id>
	Path    string // the packets that it is for, in words
}

// Table makes our table, its sets, its chains and the rules in them: one
// transaction of nft(8). What is there stays; what is missing is added in its
// place.
type Table struct {
	NS     plan.NS // the network namespace that it stands in; zero is the host's
	Sets   []Set
	Chains []TableChain

	found *tableListing // what Undo saw, for the Apply behind it; nil when it saw nothing missing
}

// String is every command on a clean machine. Between Undo and Apply it is the
// commands that this machine lacks.
func (s *Table) String() string {
	have := s.found
	if have == nil {
		have = &tableListing{}
	}
	return nftText(s.NS, s.commands(have))
}

// Apply adds what is missing.
func (s *Table) Apply() error {
	have := s.found
	s.found = nil
	if have == nil {
		var err error
		if have, err = lookTable(s.NS); err != nil {
			return err
		}
	}
	return nft(s.NS, s.commands(have))
}

// Undo removes the chains and sets that Apply would add, and the table if
// nothing else is in it then. What is added to a chain that is there already
// stays with it.
func (s *Table) Undo() (plan.Step, error) {
	s.found = nil
	have, err := lookTable(s.NS)
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
	undo := &TableDel{NS: s.NS}
	for _, c := range s.Chains {
		if !slices.Contains(have.chains, c.Name) {
			undo.Chains = append(undo.Chains, c.Name)
		}
	}
	for _, set := range s.Sets {
		if !slices.Contains(have.sets, set.Name) {
			undo.Sets = append(undo.Sets, set.Name)
		}
	}
	if undo.empty() {
		return &plan.Leave{Why: "the rules stay as they are now"}, nil
	}
	return undo, nil
}

// commands are those that make s true of a kernel with what have says.
func (s *Table) commands(have *tableListing) (cmds []string) {
	if !have.exists {
		cmds = append(cmds, "add table "+nftTable)
	}
	for _, set := range s.Sets {
		if !slices.Contains(have.sets, set.Name) {
			cmds = append(cmds, set.add())
		}
	}
	for _, c := range s.Chains {
		if !slices.Contains(have.chains, c.Name) {
			cmds = append(cmds, c.add())
		}
	}
	for _, c := range s.Chains {
		cmds = append(cmds, c.ruleCommands(have.rules[c.Name])...)
	}
	return cmds
}

// ruleCommands put the rules of one chain there. With some of them there and
// some missing, those there are deleted and all are added anew: in the same
// transaction, so that no packet sees a gap.
func (c TableChain) ruleCommands(have []tableRule) (cmds []string) {
	var there, want []string
	for _, r := range c.Rules {
		want = append(want, r.Comment)
	}
	for _, r := range have {
		if slices.Contains(want, r.comment) {
			there = append(there, r.comment)
			cmds = append(cmds, fmt.Sprintf("delete rule %s %s handle %d", nftTable, c.Name, r.handle))
		}
	}
	if slices.Equal(there, want) {
		return nil
	}
	for _, r := range c.Rules {
		cmds = append(cmds, fmt.Sprintf("add rule %s %s %s comment %q", nftTable, c.Name, r.Text, r.Comment))
	}
	return cmds
}

// nftText is commands as a person would type them.
func nftText(ns plan.NS, cmds []string) string {
	lines := make([]string, len(cmds))
	for i, c := range cmds {
		lines[i] = ns.Exec() + "nft " + shellWord(c)
	}
	return strings.Join(lines, "\n")
}

// shellWord quotes a command of nft(8) only where a shell needs that.
func shellWord(cmd string) string {
	if strings.ContainsAny(cmd, "{}\"@;!") {
		return plan.Quote(cmd)
	}
	return cmd
}

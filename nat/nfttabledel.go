package nat

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// TableDel removes chains and sets of our table, and the table when it is empty
// then. What is gone already is no error; the administrator's chain stays with
// the rules in it.
type TableDel struct {
	NS     plan.NS  `json:"ns,omitempty"` // the network namespace that it stands in; zero is the host's
	Chains []string `json:"chains,omitempty"`
	Sets   []string `json:"sets,omitempty"`
}

func (s *TableDel) empty() bool { return len(s.Chains) == 0 && len(s.Sets) == 0 }

// String is every command, as if all of it were there.
func (s *TableDel) String() string {
	lines := nftText(s.NS, s.commands(s.all()))
	if slices.Contains(s.Chains, admins) {
		// nft(8) would delete it with the rules in it, which stand two tabs in.
		lines += "\n" + s.unless("chain", nftTable+" "+admins, "^[[:space:]][[:space:]]")
	}
	return strings.TrimPrefix(lines+"\n"+s.unless("table", nftTable, "^[[:space:]]"), "\n")
}

// unless deletes what nft(8) lists without a line of that kind in it.
func (s *TableDel) unless(kind, name, line string) string {
	return fmt.Sprintf("%[1]snft list %[2]s %[3]s | grep -q '%[4]s' || %[1]snft delete %[2]s %[3]s", s.NS.Exec(), kind, name, line)
}

// all is a listing that has what s removes, but for the administrator's chain.
func (s *TableDel) all() *tableListing {
	have := &tableListing{exists: true, sets: s.Sets, rules: map[string][]tableRule{admins: {{}}}}
	have.chains = append(slices.Clone(s.Chains), "what else there may be")
	return have
}

// Apply looks first: a transaction with one part gone would fail whole. A
// network namespace that is gone has taken all along.
func (s *TableDel) Apply() error {
	have, err := lookTable(s.NS)
	if s.NS != "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !have.exists {
		return err
	}
	return nft(s.NS, s.commands(have))
}

// Covers is for some of the same.
func (s *TableDel) Covers(later plan.Step) bool {
	o, ok := later.(*TableDel)
	return ok && o.NS == s.NS && subset(o.Chains, s.Chains) && subset(o.Sets, s.Sets)
}

// commands are those that remove what there is. Chains lead to each other, and
// to sets, so all of them are emptied first.
func (s *TableDel) commands(have *tableListing) (cmds []string) {
	var del []string
	chains, sets := 0, 0
	for _, c := range s.Chains {
		if !slices.Contains(have.chains, c) || c == admins && len(have.rules[c]) > 0 {
			continue
		}
		cmds = append(cmds, "flush chain "+nftTable+" "+c)
		del = append(del, "delete chain "+nftTable+" "+c)
		chains++
	}
	for _, set := range s.Sets {
		if slices.Contains(have.sets, set) {
			del = append(del, fmt.Sprintf("delete %s %s %s", setNamed(set).kind(), nftTable, set))
			sets++
		}
	}
	if chains == len(have.chains) && sets == len(have.sets) {
		return []string{"delete table " + nftTable}
	}
	return append(cmds, del...)
}

// ours is the step that removes all that is ours from the table.
func (l *tableListing) ours() *TableDel {
	found := &TableDel{}
	for _, line := range Nftables().Host() {
		t := line.Op.(*Table)
		for _, c := range t.Chains {
			if slices.Contains(l.chains, c.Name) && (c.Name != admins || len(l.rules[admins]) == 0) {
				found.Chains = append(found.Chains, c.Name)
			}
		}
	}
	for _, set := range ourSets {
		if slices.Contains(l.sets, set.Name) {
			found.Sets = append(found.Sets, set.Name)
		}
	}
	return found
}

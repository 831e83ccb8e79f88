package nat

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/minibridge/minibridge/plan"
)

// A Mark is the state of the host's rules at one moment. Its texts are for a
// file: two that are equal mean the same rules.
type Mark struct {
	at  generation
	own uint32 // transactions of ours until then
}

// own counts the transactions that this process has made in the host's
// namespace.
var own atomic.Uint32

// Then is the state that the rules were in.
func (m Mark) Then() string { return m.at.String() }

// Now is the state that they are in if nobody but this process has changed any
// since.
func (m Mark) Now() string { return m.at.after(int(own.Load() - m.own)).String() }

// errUncounted is that of rules that can change without a transaction of
// nftables.
var errUncounted = errors.New("nobody counts the changes of these rules")

// Mark is of the rules of iptables-nft: the kernel counts nobody else's.
func (t iptables) Mark() (Mark, error) {
	m := Mark{own: own.Load()}
	var err error
	if m.at, err = generationNow(); err == nil && !strings.Contains(filepath.Base(m.at.tool), string(NFT)) {
		err = errUncounted
	}
	return m, err
}

// Mark is of the table, and of the rules that lead past what iptables(8) drops.
func (b nftBackend) Mark() (Mark, error) {
	if len(b.beside) > 0 {
		m, err := b.iptables.Mark()
		m.at.tool += fmt.Sprintf(" past %q", b.beside) // iptables-legacy changes that and counts nothing
		return m, err
	}
	m := Mark{at: generation{tool: "nft"}, own: own.Load()}
	err := m.at.look()
	return m, err
}

// Lacks looks at the rules of iptables(8) once, however many plans there are.
func (t iptables) Lacks(plans ...plan.Plan) ([]plan.Plan, error) {
	defer t.look.hold()()
	return lacks(plans)
}

// Lacks asks for each element by itself.
func (b nftBackend) Lacks(plans ...plan.Plan) ([]plan.Plan, error) {
	return b.iptables.Lacks(plans...)
}

func lacks(plans []plan.Plan) (missing []plan.Plan, err error) {
	for _, p := range plans {
		var rules plan.Plan
		for _, line := range p {
			if isRules(line.Op) {
				rules = append(rules, line)
			}
		}
		some, derr := plan.Drift(rules)
		missing, err = append(missing, some), errors.Join(err, derr)
	}
	return missing, err
}

// isRules tells the ops that make rules of the host.
func isRules(op plan.Op) bool {
	switch op := op.(type) {
	case *Rules:
		return op.NS == ""
	case *Table:
		return op.NS == ""
	case *Elements:
		return true
	}
	return false
}

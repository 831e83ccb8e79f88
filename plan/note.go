package plan

import "strings"

// A Note stands in a plan for what a program does beside it, and no step: it is
// so already, and there is nothing to take back.
type Note struct {
	Text string // one line, or several
}

// String is a shell comment.
func (n *Note) String() string {
	return "# " + strings.ReplaceAll(n.Text, "\n", "\n# ")
}

// Apply does nothing.
func (n *Note) Apply() error { return nil }

// Undo is none.
func (n *Note) Undo() (Step, error) { return nil, nil }

package plan

// Leave is the undo of what is not taken back by itself: because something
// else takes it along, or because it stays. It does nothing.
type Leave struct {
	Why string `json:"why"`          // "stays as it is"
	NS  NS     `json:"ns,omitempty"` // what it goes with: then it stands behind Why
}

// String is a shell comment.
func (l *Leave) String() string {
	if l.NS == "" {
		return "# " + l.Why
	}
	return "# " + l.Why + " " + string(l.NS)
}

// Apply does nothing.
func (l *Leave) Apply() error { return nil }

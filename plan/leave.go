package plan

// Leave is the undo of what is not taken back by itself: because something
// else takes it along, or because it stays. It does nothing.
type Leave struct {
	Why string `json:"why"` // "goes with the namespace web"
}

// String is a shell comment.
func (l *Leave) String() string { return "# " + l.Why }

// Apply does nothing.
func (l *Leave) Apply() error { return nil }

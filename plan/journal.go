package plan

// A Journal holds the undo steps of one plan's owner, oldest first.
type Journal interface {
	// Steps returns the undo steps there are, oldest first. The caller may
	// not change the slice.
	Steps() []Step
	// Append writes one undo step down, before its change is made.
	Append(undo Step) error
	// Done marks everything before it as complete: a crash from here on
	// takes nothing of it back.
	Done() error
	// Keep drops the steps from mark on, but for those that failed to apply,
	// oldest first: the next recovery tries them again. What stands before
	// mark stays as complete, or not, as it was.
	Keep(mark int, failed []Step) error
}

// Memory is a journal that a crash loses: for programs that use the packages
// directly, and for tests. The zero value is empty and ready.
type Memory struct {
	steps []Step
}

// Steps implements [Journal].
func (m *Memory) Steps() []Step { return m.steps }

// Append implements [Journal].
func (m *Memory) Append(undo Step) error {
	m.steps = append(m.steps, undo)
	return nil
}

// Done implements [Journal].
func (m *Memory) Done() error { return nil }

// Keep implements [Journal].
func (m *Memory) Keep(mark int, failed []Step) error {
	m.steps = append(m.steps[:mark:mark], failed...)
	return nil
}

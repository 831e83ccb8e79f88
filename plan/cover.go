package plan

import "reflect"

// A Coverer is an undo step that can take back what others would, too. What is
// made again after somebody has deleted it needs no second undo, and the first
// knows best how it was before.
type Coverer interface {
	Step
	// Covers says that this step leaves nothing for a later one to take back.
	Covers(later Step) bool
}

// covered says that one of the steps takes back all that undo would. A step
// covers its equal, and any covers one that takes nothing back.
func covered(undo Step, by []Step) bool {
	for _, s := range by {
		if _, nothing := undo.(*Leave); nothing {
			return true
		}
		if c, ok := s.(Coverer); ok && c.Covers(undo) || reflect.DeepEqual(s, undo) {
			return true
		}
	}
	return false
}

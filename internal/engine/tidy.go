package engine

import (
	"context"
	"os"

	"github.com/minibridge/minibridge/sandbox"
)

// Tidy cleans up after verbs and supervisors that were killed. Verbs that
// change something do so when they take the lock; those that only look ask here
// first, so that whichever comes next finds the machine in order. Usually it
// costs a look at who had the lock, and at each running container's process.
func (e *Engine) Tidy(ctx context.Context, verb string) error {
	if os.Geteuid() != 0 || !e.dirs.Abandoned() && !e.orphaned() {
		return nil
	}
	return e.clean(ctx, verb)
}

// orphaned says whether a container's supervisor is dead.
func (e *Engine) orphaned() bool {
	ids, err := e.dirs.RunningIDs()
	if err != nil {
		return false // the verb itself will meet it
	}
	for _, id := range ids {
		run, err := e.dirs.ReadRun(id)
		if err == nil && !sandbox.Alive(run.Supervisor.Pid, run.Supervisor.Start) {
			return true
		}
	}
	return false
}

// answers says whether there is a supervisor at a container's socket.
func (e *Engine) answers(id string) bool {
	w, err := dial(e.dirs.Socket(id))
	return err == nil && w.close() == nil
}

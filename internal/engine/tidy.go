package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/minibridge/minibridge/sandbox"
)

// Tidy cleans up after verbs and supervisors that were killed. Verbs that
// change something do so when they take the lock; those that only look ask here
// first, so that whichever comes next finds the machine in order. Usually it
// costs a look at who had the lock, and at the sockets of all supervisors.
func (e *Engine) Tidy(ctx context.Context, verb string) error {
	if os.Geteuid() != 0 || !e.dirs.Abandoned() && !e.orphaned() {
		return nil
	}
	return e.clean(ctx, verb)
}

// orphaned says whether a container's supervisor is dead, or lost.
func (e *Engine) orphaned() bool {
	ids, err := e.unattended()
	if err != nil {
		return false // the verb itself will meet it
	}
	for _, id := range ids {
		run, err := e.dirs.ReadRun(id)
		if err == nil && !sandbox.Alive(run.Supervisor.Pid, run.Supervisor.Start) || errors.Is(err, fs.ErrNotExist) && !e.answers(id) {
			return true
		}
	}
	return false
}

// unattended are the containers of which it has to be asked whether they run:
// those without a record of that, or without a supervisor that listens.
func (e *Engine) unattended() ([]string, error) {
	ids, err := e.dirs.RunningIDs()
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	files, err := listening()
	if err != nil {
		return ids, nil // a kernel that can't tell: all of them
	}
	return slices.DeleteFunc(ids, func(id string) bool {
		file, err := statSocket(e.dirs.Socket(id))
		return err == nil && files[file] && e.dirs.HasRun(id)
	}), nil
}

// answers says whether there is a supervisor at a container's socket.
func (e *Engine) answers(id string) bool {
	w, err := dial(e.dirs.Socket(id))
	return err == nil && w.close() == nil
}

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// lastPatience is how long a container, and then its supervisor, may take to
// end before reset goes on without.
const lastPatience = 10 * time.Second

// killAll kills every container that has a supervisor, or may have a command.
// Those that don't end, stuck in the kernel perhaps, are left to it: what they
// have on this machine goes all the same. One whose records don't tell whom to
// kill is an error, and keeps them.
func (e *Engine) killAll(ctx context.Context) (stuck []string, err error) {
	ids, err := e.dirs.RunningIDs()
	if err != nil {
		return nil, err
	}
	var lost []error
	for _, id := range ids {
		err := e.killOne(ctx, id)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if _, there := os.Lstat(e.dirs.Running(id)); errors.Is(there, fs.ErrNotExist) {
			continue // it has ended all the same, and what it has left is still to come down
		}
		if _, unreadable := errors.AsType[*state.RecordError](err); unreadable {
			lost = append(lost, fmt.Errorf("container %s may run on: %w", state.ShortID(id), err))
			continue
		}
		e.warn(fmt.Errorf("container %s doesn't end: %w", state.ShortID(id), err))
		stuck = append(stuck, id)
	}
	return stuck, errors.Join(lost...)
}

// killOne kills a container by the socket of its supervisor, as its records may be
// unreadable; else by those.
func (e *Engine) killOne(ctx context.Context, id string) error {
	asking, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	err := e.end(asking, id, killNow)
	if err == nil && !e.dirs.HasInit(id) || ctx.Err() != nil {
		return err
	}
	killing, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	return e.killRecorded(killing, id)
}

// killRecorded kills a container's supervisor and its command. Where the record of
// one can't be read, it is found by the other: the supervisor is the parent.
func (e *Engine) killRecorded(ctx context.Context, id string) error {
	supervisor, noRun := e.dirs.ReadSupervisor(id)
	command, noInit := e.dirs.ReadInit(id)
	all := []state.Process{supervisor, command}
	switch {
	case noInit != nil && (noRun != nil || !sandbox.Alive(supervisor.Pid, supervisor.Start)):
		if !e.deserted(ctx, id) {
			return noInit
		}
	case noInit != nil:
		all = append(all, beneath(supervisor)...)
	case noRun != nil && command.Pid == 0: // one that rests, or is about to start
		return noRun
	case noRun != nil:
		all[0] = above(command)
	}
	var errs []error
	for _, p := range all {
		if p.Pid != 0 {
			errs = append(errs, endProcess(ctx, p, unix.SIGKILL))
		}
	}
	return errors.Join(errs...)
}

// beneath are the processes that descend from a supervisor.
func beneath(supervisor state.Process) (all []state.Process) {
	pids, err := sandbox.Processes(supervisor.Pid, supervisor.Start)
	if err != nil {
		return nil // it has just ended
	}
	for _, pid := range pids {
		if start, err := sandbox.StartTime(pid); err == nil {
			all = append(all, state.Process{Pid: pid, Start: start})
		}
	}
	return all
}

// above is the supervisor of a command, if it lives.
func above(command state.Process) state.Process {
	pid, err := sandbox.Parent(command.Pid, command.Start)
	if err != nil {
		return state.Process{}
	}
	start, err := sandbox.StartTime(pid)
	if err != nil || !isSupervisor(pid) {
		return state.Process{}
	}
	return state.Process{Pid: pid, Start: start}
}

// isSupervisor says whether a process is the supervisor of a container.
func isSupervisor(pid int) bool {
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.HasPrefix(args, append([]byte(supervisorName), 0))
}

// deserted waits until nothing can be left of a command that no more is known of,
// but not for long: it is about to die with its supervisor, or goes on.
func (e *Engine) deserted(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for e.inhabited(id) {
		if breathe(ctx) != nil {
			return false
		}
	}
	return true
}

// inhabited says whether there may be a process of a container that nothing else
// is known of: in its network namespace, if it has its own.
func (e *Engine) inhabited(id string) bool {
	own, err := sandbox.NetnsInode(e.dirs.NetnsPin(id))
	if err != nil || own == 0 {
		return true
	}
	files, err := filepath.Glob("/proc/[0-9]*/ns/net")
	return err != nil || slices.ContainsFunc(files, func(file string) bool {
		inode, err := sandbox.NetnsInode(file)
		return err == nil && inode == own
	})
}

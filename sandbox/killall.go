package sandbox

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// killAll ends every process of a mount namespace, and waits for their ends.
// Who waits lets those that he has not found yet make others: so all are killed
// before one is waited for, and again until a look finds nobody new.
func killAll(world *os.File) error {
	var ours unix.Stat_t
	if err := unix.Fstat(int(world.Fd()), &ours); err != nil {
		return err
	}
	for killed := make(map[int]uint64); ; {
		found, err := killNew(&ours, killed)
		switch {
		case err != nil:
			return err
		case found:
		case len(killed) == 0:
			return nil
		default:
			if err := awaitEnds(killed); err != nil {
				return err
			}
			clear(killed)
		}
	}
}

// killNew kills those in the mount namespace that are not among the killed, by
// pid and start time, and adds them.
func killNew(ns *unix.Stat_t, killed map[int]uint64) (found bool, err error) {
	pids, err := allProcesses()
	if err != nil {
		return false, err
	}
	for _, pid := range pids {
		start, err := StartTime(pid)
		if err != nil || killed[pid] == start || !sees(pid, ns) {
			continue
		}
		err = Signal(pid, start, unix.SIGKILL)
		if errors.Is(err, os.ErrProcessDone) {
			continue
		}
		if err != nil {
			return found, fmt.Errorf("kill %d: %w", pid, err)
		}
		killed[pid], found = start, true
	}
	return found, nil
}

// sees says whether a process is in a mount namespace: a thread of it that has
// ended is in none.
func sees(pid int, ns *unix.Stat_t) bool {
	for _, tid := range threadsOf(pid) {
		var st unix.Stat_t
		if unix.Stat(fmt.Sprintf("/proc/%d/ns/mnt", tid), &st) == nil {
			return st.Ino == ns.Ino && st.Dev == ns.Dev
		}
	}
	return false
}

func awaitEnds(killed map[int]uint64) error {
	for pid, start := range killed {
		f, err := openProcess(pid, start)
		if errors.Is(err, os.ErrProcessDone) {
			continue
		}
		if err != nil {
			return err
		}
		err = unix.EINTR
		for err == unix.EINTR {
			_, err = unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}, -1)
		}
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

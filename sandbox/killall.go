package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// killAll ends every process of a mount namespace, and waits for their ends.
// Those that are born meanwhile are found by the next look.
func killAll(world *os.File) error {
	var ours unix.Stat_t
	if err := unix.Fstat(int(world.Fd()), &ours); err != nil {
		return err
	}
	for {
		dirs, err := filepath.Glob("/proc/[0-9]*")
		if err != nil {
			return err
		}
		found := false
		for _, dir := range dirs {
			pid, err := strconv.Atoi(filepath.Base(dir))
			if err != nil {
				continue
			}
			killed, err := killIn(pid, &ours)
			if err != nil {
				return err
			}
			found = found || killed
		}
		if !found {
			return nil
		}
	}
}

// killIn ends a process if it is in that mount namespace. The pidfd is opened
// first: what is looked at afterwards is that process, or one whose number the
// signal does not reach.
func killIn(pid int, ns *unix.Stat_t) (bool, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false, nil // it has gone
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/ns/mnt", pid), &st) != nil || st.Ino != ns.Ino || st.Dev != ns.Dev {
		return false, nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err == unix.ESRCH {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("kill %d: %w", pid, err)
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return true, err
		}
	}
}

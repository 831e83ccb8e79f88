package sandbox

import (
	"errors"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Processes are all processes of the sandbox whose PID 1 has this pid and start
// time, lowest first: those in its PID namespace and in namespaces that were
// made in there. Where it has the caller's own, they are PID 1 and what
// descends from it. [os.ErrProcessDone] means that there is no such sandbox.
func Processes(pid int, start uint64) ([]int, error) {
	own, err := os.Readlink("/proc/thread-self/ns/pid")
	if err != nil {
		return nil, err
	}
	theirs, err := os.Readlink(pidNamespace(pid))
	if err != nil || !Alive(pid, start) {
		return nil, errors.Join(os.ErrProcessDone, err)
	}
	all, err := allProcesses()
	if err != nil {
		return nil, err
	}
	if theirs == own {
		return descendants(all, pid), nil
	}
	return slices.DeleteFunc(all, func(p int) bool { return !belongs(p, theirs) }), nil
}

// belongs says whether a process is in a PID namespace, not the caller's own, or
// in one that was made in there.
func belongs(pid int, ns string) bool {
	name, err := os.Readlink(pidNamespace(pid))
	return err == nil && (name == ns || nested(pid, ns))
}

// HasProcesses says whether a sandbox has a PID namespace of its own, and not
// the caller's.
func HasProcesses(pid int) (bool, error) {
	own, err := os.Readlink("/proc/thread-self/ns/pid")
	if err != nil {
		return false, err
	}
	theirs, err := os.Readlink(pidNamespace(pid))
	return theirs != own, err
}

func pidNamespace(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/ns/pid" }

func allProcesses() ([]int, error) { return numbers("/proc") }

// threadsOf are the threads of a process: none of one that has gone.
func threadsOf(pid int) []int {
	tids, _ := numbers("/proc/" + strconv.Itoa(pid) + "/task")
	return tids
}

// numbers are the names in a folder that are some, lowest first.
func numbers(folder string) (all []int, err error) {
	dir, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, err
}

// nested says whether a process's PID namespace was made in another one, or in
// one that was (ioctl_nsfs(2), NS_GET_PARENT).
func nested(pid int, in string) bool {
	fd, err := unix.Open(pidNamespace(pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for err == nil {
		var parent int
		parent, err = unix.IoctlRetInt(fd, unix.NS_GET_PARENT) // EPERM: it is outside of our own
		unix.Close(fd)
		if err != nil {
			return false
		}
		fd = parent
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && in == "pid:["+strconv.FormatUint(st.Ino, 10)+"]" {
			unix.Close(fd)
			return true
		}
	}
	return false
}

// descendants are a process and those that it has begun, and so on. One whose
// parent has ended is nobody's.
func descendants(all []int, first int) []int {
	parents := make(map[int]int, len(all))
	for _, pid := range all {
		if s, err := readStat(pid); err == nil {
			parents[pid] = s.parent
		}
	}
	return slices.DeleteFunc(all, func(pid int) bool {
		for pid != first {
			if pid = parents[pid]; pid == 0 {
				return true
			}
		}
		return false
	})
}

package nat

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockWait is how long iptables-restore waits for the lock, in seconds. Only
// the legacy variant has one, and holds it for milliseconds.
const lockWait = 30

// LockFile is where iptables-legacy has its lock (iptables(8), -w).
func LockFile() string { return cmp.Or(os.Getenv("XTABLES_LOCKFILE"), "/run/xtables.lock") }

// A LockedError says that another program kept that lock.
type LockedError struct {
	Tool   string // that waited for it
	Wait   string // for how many seconds, as the tool tells
	Holder Holder // who has it now; PID 0 when that can't be found
}

func (e *LockedError) Error() string {
	who := ""
	if e.Holder.PID != 0 {
		who = " (" + e.Holder.String() + ")"
	}
	return fmt.Sprintf("%s: %s is still in use by another program%s, after %s s", e.Tool, LockFile(), who, e.Wait)
}

// locked is that of a tool that waited for so many seconds.
func locked(tool, wait string) *LockedError {
	e := &LockedError{Tool: tool, Wait: wait}
	e.Holder, _ = FindLockHolder()
	return e
}

// FindLockHolder looks for who has the lock of iptables-legacy, unless that is a
// program that this one has started. It finds nobody of another PID namespace,
// and nobody who has left the lock to a child.
func FindLockHolder() (h Holder, found bool) {
	for _, pid := range lockPIDs(LockFile()) {
		h, lives := holder(pid)
		if lives && parent(pid) != os.Getpid() {
			return h, true
		}
	}
	return Holder{}, false
}

// lockPIDs are the processes that have locked a file, by proc_locks(5).
func lockPIDs(file string) (pids []int) {
	var stat unix.Stat_t
	if err := unix.Stat(file, &stat); err != nil {
		return nil
	}
	locks, _ := os.ReadFile("/proc/locks") // who can't read that, finds nobody
	inode := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	for line := range strings.Lines(string(locks)) {
		words := strings.Fields(line)
		if len(words) < 6 || words[1] == "->" || words[5] != inode { // an arrow is before one that waits
			continue
		}
		if pid, err := strconv.Atoi(words[4]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// holder names a process, unless it has ended.
func holder(pid int) (h Holder, lives bool) {
	comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return Holder{PID: pid, Name: strings.TrimSpace(string(comm))}, err == nil
}

// parent is who started a process; 0 when that is nobody of this PID namespace.
func parent(pid int) (ppid int) {
	status, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	words := strings.Fields(string(status))
	if i := slices.Index(words, "PPid:"); i >= 0 && i+1 < len(words) {
		ppid, _ = strconv.Atoi(words[i+1])
	}
	return ppid
}

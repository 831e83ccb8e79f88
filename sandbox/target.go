package sandbox

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// procFiles are those of /proc that may be covered, as runc has it: programs
// such as lxcfs tell a container by them of its own share of the machine.
var procFiles = []string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
	"/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
}

// CheckTarget refuses, with Docker's texts, to mount source over /proc or into
// it: a command would find there what somebody else has written. A bind of
// another /proc is one, too.
func CheckTarget(source, target string) error {
	return checkTarget(source, target, target, func() bool {
		f, err := os.OpenFile(source, unix.O_PATH, 0)
		if err != nil {
			return false
		}
		defer f.Close()
		return isProc(f)
	})
}

// check does so where the target leads to.
func (b bound) check() error {
	return checkTarget(b.Name(), b.target, b.at, func() bool { return isProc(b.File) })
}

func checkTarget(source, target, at string, proc func() bool) error {
	why := ""
	switch {
	case !within(at, "/proc") || slices.Contains(procFiles, at):
		return nil
	case at != "/proc":
		why = "inside /proc"
	case !proc():
		why = "not of type proc"
	default:
		return nil
	}
	return fmt.Errorf("error mounting %q to rootfs at %q: %q cannot be mounted because it is %s", source, target, at, why)
}

// isProc says that a directory is the root of a /proc.
func isProc(f *os.File) bool {
	const root = 1 // PROC_ROOT_INO, linux/proc_fs.h
	var fs unix.Statfs_t
	var st unix.Stat_t
	return unix.Fstatfs(int(f.Fd()), &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC &&
		unix.Fstat(int(f.Fd()), &st) == nil && st.Ino == root
}

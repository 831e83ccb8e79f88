package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// spareFiles is how many descriptors a program of ours needs beside the
// reserved ports.
const spareFiles = 256

// allowFiles raises the limit of open files for a large range of ports. It
// makes the system call by hand: through its own functions Go would take the
// new limit for the one that commands it starts are to have (RLIMIT_NOFILE,
// getrlimit(2)).
func allowFiles(n int) error {
	var limit unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return err
	}
	want := uint64(n) + spareFiles
	if limit.Cur >= want {
		return nil
	}
	raised := unix.Rlimit{Cur: want, Max: max(limit.Max, want)}
	_, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&raised)), 0, 0, 0)
	if errno != 0 {
		return errorf("%d published ports need as many open files, and the limit is %d: %v", n, limit.Cur, errno).hint("ulimit -n %d", want)
	}
	return nil
}

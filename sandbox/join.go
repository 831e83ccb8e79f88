package sandbox

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// join enters the sandbox of another process, and leaves the command there.
//
// Until the very end this process stays outside of the PID namespace, which is
// for children only (pid_namespaces(7)): what a sandbox can see, it may be able
// to look into, and at first this process has the host's root directory and all
// capabilities.
func (o *order) join(c control) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // setns refuses a shared root and working directory
		return fmt.Errorf("unshare(CLONE_FS): %w", err)
	}
	const all = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP | unix.CLONE_NEWPID
	if err := unix.Setns(pidfdFD, all); err != nil {
		return fmt.Errorf("enter the sandbox: %w", err)
	}
	return o.become(c)
}

// spawn makes a child the command, once the caller agrees, and ends this
// process.
func (o *order) spawn(c control, path string, env []string) error {
	im, err := newImage(path, o.Args, env)
	if err != nil {
		return err
	}
	im.mortal = o.guest()
	answer, err := mapAnswer()
	if err != nil {
		return err
	}
	// Exec gives the limit of open files back that the Go runtime raised at
	// its start; a file that can't be there keeps it from doing more.
	_ = unix.Exec("", nil, nil)
	o.executing(c)
	if err := c.waitGo(); err != nil {
		return err
	}
	im.terminal = o.Terminal != nil
	im.fork(answer)
	return nil
}

// mapAnswer gives the memory in which the caller finds the child's pid, or a
// negative errno. A descriptor would be the child's too, and a sandbox that may
// trace it could name the caller any other process; this page is not passed on
// by fork.
func mapAnswer() (*int64, error) {
	page, err := unix.Mmap(answerFD, 0, answerSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == nil {
		err = unix.Madvise(page, unix.MADV_DONTFORK)
	}
	if err != nil {
		return nil, fmt.Errorf("map the answer: %w", err)
	}
	return (*int64)(unsafe.Pointer(&page[0])), nil
}

// An image is what execve(2) takes, ready in memory.
type image struct {
	path       *byte
	args, envs []*byte
	mortal     bool // it dies with the caller
	terminal   bool // its standard input is one, to be its session's
}

func newImage(path string, args, env []string) (im *image, err error) {
	im = new(image)
	if im.path, err = syscall.BytePtrFromString(path); err != nil {
		return nil, err
	}
	if im.args, err = syscall.SlicePtrFromStrings(args); err != nil {
		return nil, err
	}
	im.envs, err = syscall.SlicePtrFromStrings(env)
	return im, err
}

// fork makes a child of the caller (CLONE_PARENT), in the sandbox, and ends
// this process. The child has no memory in common with it, unlike one that Go
// starts: the sandbox may be able to write there. And it has no descriptor but
// its streams and the status pipe: here ends the use of the others, in a table
// of this thread alone, as the runtime's other threads still need theirs.
//
// In the child there is one thread, and locks that others held stay locked. So
// from here on there are but system calls: no allocation, no growing stack, no
// signal handler.
//
//go:norace
//go:nosplit
func (im *image) fork(answer *int64) {
	mask := ^uint64(0)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&mask)), 0, 8, 0, 0)
	_, _, errno := syscall.RawSyscall(unix.SYS_CLOSE_RANGE, statusFD+1, uintptr(^uint32(0)), unix.CLOSE_RANGE_UNSHARE)
	if errno == 0 {
		_, _, errno = syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 3, statusFD-1, 0)
	}
	var pid uintptr
	if errno == 0 {
		pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, unix.CLONE_PARENT|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno == 0 && pid == 0 {
			im.execute()
		}
	}
	*answer = int64(pid)
	if errno != 0 {
		*answer = -int64(errno)
	}
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// execute is the child's part of fork.
//
//go:norace
//go:nosplit
func (im *image) execute() {
	var standard sigaction
	for sig := uintptr(1); sig <= 64; sig++ { // the runtime's handlers, before the first signal gets in
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&standard)), 0, 8, 0, 0)
	}
	mask := uint64(0)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&mask)), 0, 8, 0, 0)
	syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
	if im.mortal {
		syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
		// Nobody reads what it says: the caller is dead, and no signal told so.
		status, now := unix.PollFd{Fd: statusFD}, unix.Timespec{}
		n, _, _ := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&status)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		if n == 1 && status.Revents&unix.POLLERR != 0 {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 125, 0, 0)
		}
	}
	if im.terminal {
		syscall.RawSyscall(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0)
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(im.path)),
		uintptr(unsafe.Pointer(unsafe.SliceData(im.args))), uintptr(unsafe.Pointer(unsafe.SliceData(im.envs))))
	status := uint32(errno)
	syscall.RawSyscall(unix.SYS_WRITE, statusFD, uintptr(unsafe.Pointer(&status)), 4)
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 125, 0, 0)
	}
}

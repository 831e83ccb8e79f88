package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// A base is what the root file system is made of: mounts that [Config].ReadOnly
// makes read-only at the end, when all that goes on top of them has found or
// made its place. They are known by descriptor, as their paths may be covered
// by then.
type base []int

// keep remembers a mount.
func (b *base) keep(f *os.File) error {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("dup: %w", err)
	}
	*b = append(*b, fd)
	return nil
}

// keepAt remembers the mount at a path.
func (b *base) keepAt(path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	*b = append(*b, fd)
	return nil
}

// seal makes them read-only, each alone: what is mounted below stays as it is.
func (b base) seal() error {
	for _, fd := range b {
		err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("make the root file system read-only: %w", err)
		}
	}
	return nil
}

// Writable opens a directory, such as the root, of the sandbox whose PID 1 is the
// process with this pid and start time, for whoever has to change a file there
// that is read-only: a second mount of the same file system, seen by nobody else
// and without what is mounted below. Its files are the sandbox's own, so their
// paths have to be walked with openat2(2) and RESOLVE_IN_ROOT; no link is
// followed to the directory.
func Writable(pid int, start uint64, path string) (dir *os.File, err error) {
	first, err := openProcess(pid, start)
	if err != nil {
		return nil, err
	}
	defer first.Close()
	err = plan.OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil { // setns refuses a shared root and working directory
			return fmt.Errorf("unshare(CLONE_FS): %w", err)
		}
		if err := unix.Setns(int(first.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the sandbox's mount namespace: %w", err)
		}
		at, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
			Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS,
		})
		if err != nil {
			return &os.PathError{Op: "open", Path: path, Err: err}
		}
		defer unix.Close(at)
		fd, err := unix.OpenTree(at, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fmt.Errorf("open_tree: %w", err)
		}
		dir = os.NewFile(uintptr(fd), path)
		err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
		if err != nil {
			dir.Close()
			return fmt.Errorf("mount_setattr: %w", err)
		}
		return nil
	})
	return dir, err
}

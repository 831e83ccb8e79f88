package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A tree is a mount that is nowhere yet (open_tree(2), fsmount(2)): made in
// the host's world, put into the sandbox's later, where no symbolic link can
// lead out any more.
type tree struct {
	*os.File
	isDir bool
}

// openTree copies the mount of a file or directory; below is AT_RECURSIVE for
// all that is mounted below it too, or 0.
func openTree(path string, attrs uint64, below uint) (tree, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|below)
	if err != nil {
		return tree{}, fmt.Errorf("mount --rbind %s: %w", path, err)
	}
	return newTree(fd, path, attrs)
}

func newTree(fd int, name string, attrs uint64) (tree, error) {
	t := tree{File: os.NewFile(uintptr(fd), name)}
	if err := setMountAttr(fd, attrs); err != nil {
		t.Close()
		return tree{}, err
	}
	info, err := t.Stat()
	if err != nil {
		t.Close()
		return tree{}, err
	}
	t.isDir = info.IsDir()
	return t, nil
}

// setMountAttr adds attributes to a mount and all below it (mount_setattr(2)).
func setMountAttr(fd int, attrs uint64) error {
	err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: attrs})
	if err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	return nil
}

// attach mounts the tree on path, which is made if it is missing, and closes it.
func (t tree) attach(path string) error {
	defer t.Close()
	at, err := follow(path)
	if err != nil {
		return err
	}
	return t.attachAt(at)
}

// attachAt does so at a path without links. Others may write where it leads: one
// that has become a link since it was followed is an error (openat2(2), ELOOP).
func (t tree) attachAt(at string) error {
	defer t.Close()
	if err := t.makeTarget(at); err != nil {
		return err
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, at, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return fmt.Errorf("mount %s on %s: %w", t.Name(), at, err)
	}
	defer unix.Close(fd)
	if err := unix.MoveMount(int(t.Fd()), "", fd, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s on %s: %w", t.Name(), at, err)
	}
	return nil
}

// makeTarget makes what the tree can be mounted on, at a path without links.
func (t tree) makeTarget(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case t.isDir && !info.IsDir():
		return fmt.Errorf("mount directory %s on %s: %w", t.Name(), path, unix.ENOTDIR)
	case !t.isDir && info.IsDir():
		return fmt.Errorf("mount file %s on %s: %w", t.Name(), path, unix.EISDIR)
	default:
		return nil
	}
	if t.isDir {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// mount mounts a new file system (mount(2)) on path, which is made if it is missing.
func mount(fstype, path string, flags uintptr, data string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(fstype, path, fstype, flags, data); err != nil {
		return fmt.Errorf("mount -t %s %s: %w", fstype, path, err)
	}
	return nil
}

// within tells whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

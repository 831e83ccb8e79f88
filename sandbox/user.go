package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// user finds the command's user in the sandbox's own /etc/passwd and /etc/group.
// One that isn't there names nobody.
func (o *order) user() (*user.ExecUser, error) {
	passwd, err := readList("/etc/passwd")
	if err != nil {
		return nil, err
	}
	group, err := readList("/etc/group")
	if err != nil {
		return nil, err
	}
	return user.GetExecUser(o.User, &user.ExecUser{Home: "/"}, passwd, group)
}

// maxList is how long a list of users or groups may be, in bytes: hundreds of
// thousands of them.
const maxList = 16 << 20

// readList reads such a list, of which the sandbox has made what it liked: a
// FIFO, whose opening or reading would never end, or a device, has no names.
func readList(path string) (io.Reader, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &how)
	if err != nil {
		return bytes.NewReader(nil), nil
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return bytes.NewReader(nil), err
	}
	list, err := io.ReadAll(io.LimitReader(f, maxList+1))
	if err == nil && len(list) > maxList {
		err = errors.New("too long")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return bytes.NewReader(list), nil
}

// switchUser makes the calling thread the user's. The thread alone: the others
// end with execve. Unlike setgroups by hand, the primary group is among the
// supplementary ones, so that dropping it by setgid gains nothing.
func switchUser(who *user.ExecUser) error {
	groups := []uint32{uint32(who.Gid)}
	for _, g := range who.Sgids {
		if g != who.Gid {
			groups = append(groups, uint32(g))
		}
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
		return fmt.Errorf("setgroups %v: %w", groups, errno)
	}
	gid, uid := uintptr(who.Gid), uintptr(who.Uid)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); errno != 0 {
		return fmt.Errorf("setgid %d: %w", who.Gid, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
		return fmt.Errorf("setuid %d: %w", who.Uid, errno)
	}
	return nil
}

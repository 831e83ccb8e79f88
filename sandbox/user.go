package sandbox

import (
	"fmt"
	"unsafe"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// user finds the command's user in the sandbox's own /etc/passwd and /etc/group.
func (o *order) user() (*user.ExecUser, error) {
	return user.GetExecUserPath(o.User, &user.ExecUser{Home: "/"}, "/etc/passwd", "/etc/group")
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

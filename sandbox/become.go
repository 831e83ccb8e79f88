package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// become gives away what the command may not have, and executes it.
func (o *order) become(c control) error {
	who, err := o.user()
	if err != nil {
		return err
	}
	if err := o.settleIn(who.Uid); err != nil {
		return err
	}
	if err := o.giveUp(who); err != nil {
		return err
	}
	env := withHome(o.Env, who.Home)
	path, err := lookup(o.Args[0], env)
	if err != nil {
		return err
	}
	if err := o.limit(); err != nil {
		return err
	}
	if o.Join || o.guest() {
		return o.spawn(c, path, env)
	}
	return o.exec(c, path, env)
}

// settleIn takes the command's terminal, directory and streams.
func (o *order) settleIn(uid int) error {
	if o.Terminal != nil {
		if err := o.takeTerminal(uid); err != nil {
			return err
		}
	}
	if err := o.enterDir(); err != nil {
		return err
	}
	return settle(uid)
}

// giveUp leaves the host's powers behind: system calls, limits, capabilities, the
// user.
func (o *order) giveUp(who *user.ExecUser) error {
	if !o.Unconfined {
		if err := o.capSet.forbidUserns(); err != nil {
			return err
		}
	}
	if err := o.raiseLimits(); err != nil {
		return err
	}
	if err := o.capSet.bound(); err != nil {
		return err
	}
	if err := switchUser(who); err != nil {
		return err
	}
	if err := o.capSet.hold(); err != nil {
		return err
	}
	if !o.NoNewPrivs {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_NO_NEW_PRIVS): %w", err)
	}
	return nil
}

// exec makes this process the command, or the init before it.
func (o *order) exec(c control, path string, env []string) error {
	if err := o.lastThings(c); err != nil {
		return err
	}
	if o.Init {
		return o.execInit(env)
	}
	err := unix.Exec(path, o.Args, env)
	errno, _ := err.(syscall.Errno)
	return &ExecError{Name: o.Args[0], Reason: err.Error(), Errno: errno}
}

func (o *order) dir() string {
	if o.Dir == "" {
		return "/"
	}
	return o.Dir
}

// enterDir changes to the working directory. One that is reached through a
// descriptor of the host's world (/proc/self/fd/N) has no path inside
// (getcwd(2)), and is refused.
func (o *order) enterDir() error {
	if err := unix.Chdir(o.dir()); err != nil {
		return fmt.Errorf("chdir to cwd (%q): %w", o.dir(), err)
	}
	buf := make([]byte, unix.PathMax)
	if n, err := unix.Getcwd(buf); err != nil || n == 0 || buf[0] != '/' {
		return fmt.Errorf("chdir to cwd (%q): outside of the root file system", o.dir())
	}
	return nil
}

// settle gives the process the little things that it would otherwise inherit
// from the caller.
func settle(uid int) error {
	for fd := range 3 {
		if err := settleStream(fd, uid); err != nil {
			return err
		}
	}
	// Without its own session keyring it could read keys of the caller's (session-keyring(7)).
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil && err != unix.ENOSYS {
		return fmt.Errorf("join a session keyring: %w", err)
	}
	unix.Umask(0o022)
	return resetSignals()
}

// settleStream replaces the host's /dev/null by the sandbox's, and gives pipes
// to the user, as /dev/stdout can't be opened otherwise.
func settleStream(fd, uid int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("standard stream %d: %w", fd, err)
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFIFO && uid != 0:
		if err := unix.Fchown(fd, uid, int(st.Gid)); err != nil {
			return fmt.Errorf("standard stream %d: chown: %w", fd, err)
		}
	case st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3):
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil // the joined sandbox has none: the host's will do
		}
		defer unix.Close(null)
		return unix.Dup3(null, fd, 0)
	}
	return nil
}

// sigaction is the kernel's struct (rt_sigaction(2)).
type sigaction struct {
	handler, flags, restorer, mask uintptr
}

// resetSignals takes back ignored signals: execve resets handlers only, so a
// caller under nohup would give SIGHUP on as ignored.
func resetSignals() error {
	const ignored = 1 // SIG_IGN
	for sig := uintptr(1); sig <= 64; sig++ {
		var act sigaction
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&act)), 8, 0, 0)
		if errno != 0 || act.handler != ignored {
			continue
		}
		act = sigaction{}
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&act)), 0, 8, 0, 0)
	}
	return unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil)
}

// lastThings is what only the last moment before execve can do.
func (o *order) lastThings(c control) error {
	// The change of user has cleared it (prctl(2)).
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_PDEATHSIG): %w", err)
	}
	c.exitIfAlone()
	o.executing(c)
	return unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC)
}

// withHome adds HOME where there is none, or an empty one.
func withHome(env []string, home string) []string {
	env = slices.DeleteFunc(env, func(v string) bool { return v == "HOME=" })
	for _, v := range env {
		if strings.HasPrefix(v, "HOME=") {
			return env
		}
	}
	return append(env, "HOME="+home)
}

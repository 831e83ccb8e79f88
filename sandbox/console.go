package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A Size is a terminal's, in characters; zeros are a size that nobody knows.
type Size struct {
	Rows, Cols uint16
}

// takeTerminal makes a new terminal, the user's, the three streams of the
// command. It is of the sandbox's own /dev/pts. Who joins a sandbox finds there what the sandbox
// left, so nothing is opened by name but what is looked at before it is used.
func (o *order) takeTerminal(uid int) error {
	const path = "/dev/pts/ptmx"
	// Not blocking, as the caller's end is to be: it is the same open file.
	master, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("new terminal: %s: %w", path, err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(master, &st); err != nil || st.Type != unix.DEVPTS_SUPER_MAGIC {
		return fmt.Errorf("new terminal: %s is of no devpts: %w", path, unix.ENODEV)
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("new terminal: unlock: %w", err)
	}
	slave, err := peer(master)
	if err != nil {
		return fmt.Errorf("new terminal: open: %w", err)
	}
	defer unix.Close(slave)
	size := &unix.Winsize{Row: o.Terminal.Rows, Col: o.Terminal.Cols}
	if err := unix.IoctlSetWinsize(slave, unix.TIOCSWINSZ, size); err != nil {
		return fmt.Errorf("new terminal: size: %w", err)
	}
	if err := unix.Fchown(slave, uid, -1); err != nil {
		return fmt.Errorf("new terminal: chown: %w", err)
	}
	for fd := range 3 {
		if err := unix.Dup3(slave, fd, 0); err != nil {
			return fmt.Errorf("new terminal: dup: %w", err)
		}
	}
	o.master = master
	if o.Join {
		return nil
	}
	return o.settleConsole(slave)
}

// settleConsole makes the terminal that of this session, unless that begins
// after a fork, and /dev/console, where programs write that have nobody else to
// tell.
func (o *order) settleConsole(slave int) error {
	if !o.guest() {
		if err := unix.IoctlSetInt(slave, unix.TIOCSCTTY, 0); err != nil {
			return fmt.Errorf("new terminal: TIOCSCTTY: %w", err)
		}
	}
	fd, err := unix.OpenTree(slave, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("new terminal: open_tree: %w", err)
	}
	t, err := newTree(fd, "terminal", 0)
	if err != nil {
		return err
	}
	return t.attach("/dev/console")
}

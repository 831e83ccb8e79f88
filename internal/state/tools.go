package state

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A verb that is killed gives the lock back at once, while a program that it
// has started (iptables-restore) may be in the middle of a change to the kernel.
// So those inherit a lock of their own, by a descriptor that stays open over
// execve(2), and who has the lock after it waits until they have ended. Nothing
// that lives long may be started by who has the lock.

func (d Dirs) toolsFile() string { return filepath.Join(d.Run, "tools") }

// holdTools takes that lock. After a second it calls waiting, once.
func (h *Held) holdTools(ctx context.Context, waiting func()) (err error) {
	h.tools, err = unix.Open(h.dirs.toolsFile(), unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	const glance = 2 * time.Millisecond
	for begun := time.Now(); ; {
		err := unix.Flock(h.tools, unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return errors.Join(err, h.dropTools())
		}
		if waiting != nil && time.Since(begun) > slow {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), h.dropTools())
		case <-time.After(glance):
		}
	}
}

func (h *Held) dropTools() error { return unix.Close(h.tools) }

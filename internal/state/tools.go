package state

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// A verb that is killed gives the lock back at once, while a program that it
// has started (iptables-restore) may be in the middle of a change to the kernel.
// So those inherit a lock of their own, and who has the lock after it waits
// until they have ended.

func (d Dirs) toolsFile() string { return filepath.Join(d.Run, "tools") }

// holdTools takes that lock. After a second it calls waiting, once.
func (h *Held) holdTools(ctx context.Context, waiting func()) (err error) {
	h.tools, err = Open(h.dirs.toolsFile(), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	h.release = plan.Inherit(h.tools)
	const glance = 2 * time.Millisecond
	for begun := time.Now(); ; {
		err := unix.Flock(int(h.tools.Fd()), unix.LOCK_EX|unix.LOCK_NB)
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

func (h *Held) dropTools() error {
	h.release()
	return h.tools.Close()
}

package sandbox

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// layersSource is the mark of our tmpfs, where other file systems name a disk.
const layersSource = "minibridge"

// LayersMount mounts the tmpfs for what containers write (tmpfs(5)): half of
// the memory at most. It is apart from / because the kernel refuses an overlay
// whose upper layer lies inside its own lower one.
type LayersMount struct {
	Dir string `json:"dir"`
}

func (s *LayersMount) String() string {
	return plan.Command("mkdir", "-p", s.Dir) + "\n" +
		plan.Command("mount", "-t", "tmpfs", "-o", "mode=0700,nodev", layersSource, s.Dir)
}

// Apply makes the directory and mounts.
func (s *LayersMount) Apply() error {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(layersSource, s.Dir, "tmpfs", unix.MS_NODEV, "mode=0700"); err != nil {
		return fmt.Errorf("mount a tmpfs on %s: %w", s.Dir, err)
	}
	return nil
}

// Undo counts any other mount in that place as in the way.
func (s *LayersMount) Undo() (plan.Step, error) {
	m, err := mountAt(s.Dir)
	switch {
	case err != nil:
		return nil, err
	case m != nil && m.FSType == "tmpfs" && m.Source == layersSource:
		return nil, nil
	case m != nil:
		return nil, fmt.Errorf("%s is a mount already and not ours (%s, %s)", s.Dir, m.FSType, m.Source)
	}
	there, err := exists(s.Dir)
	return &Unmount{Dir: s.Dir, Made: !there}, err
}

// Unmount takes our tmpfs away. What a container wrote stays for as long as it
// runs: an overlay holds on to its upper layer, but does not make it busy.
type Unmount struct {
	Dir  string `json:"dir"`
	Made bool   `json:"made,omitempty"` // the directory wasn't there before: remove it too
}

func (s *Unmount) String() string {
	umount := plan.Command("umount", s.Dir)
	if s.Made {
		return umount + "\n" + plan.Command("rmdir", s.Dir)
	}
	return umount
}

// Covers is for the same mount, whatever was there meanwhile.
func (s *Unmount) Covers(later plan.Step) bool {
	o, ok := later.(*Unmount)
	return ok && o.Dir == s.Dir
}

// Apply unmounts, and removes the directory if it was made for this.
func (s *Unmount) Apply() error {
	m, err := mountAt(s.Dir)
	switch {
	case err != nil:
		return err
	case m != nil && (m.FSType != "tmpfs" || m.Source != layersSource):
		return &plan.NotOurs{What: fmt.Sprintf("%s is not our mount any more (%s, %s)", s.Dir, m.FSType, m.Source)}
	case m != nil:
		if err := unix.Unmount(s.Dir, unix.UMOUNT_NOFOLLOW); errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("%s is in use (fuser -vm %s): %w", s.Dir, plan.Quote(s.Dir), err)
		} else if err != nil {
			return err
		}
	}
	if !s.Made {
		return nil
	}
	if err := os.Remove(s.Dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

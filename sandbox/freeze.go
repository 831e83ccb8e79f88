package sandbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// CgroupFreeze stops all processes of a cgroup, and whatever comes into it.
type CgroupFreeze struct {
	Dir string
	V1  bool // of version 1 of cgroups
}

// CgroupThaw lets them go on.
type CgroupThaw struct {
	Dir string `json:"dir"`
	V1  bool   `json:"v1,omitempty"`
}

// freezer is the file of a cgroup that stops it, and what is written there.
func freezer(dir string, v1 bool) (file, frozen, thawed string) {
	if v1 {
		return filepath.Join(dir, "freezer.state"), "FROZEN", "THAWED"
	}
	return filepath.Join(dir, "cgroup.freeze"), "1", "0"
}

func (s *CgroupFreeze) String() string {
	file, frozen, _ := freezer(s.Dir, s.V1)
	return "echo " + frozen + " > " + plan.Command(file)
}

// Apply does not wait for them to stop: [AwaitFrozen] does.
func (s *CgroupFreeze) Apply() error {
	file, frozen, _ := freezer(s.Dir, s.V1)
	return os.WriteFile(file, []byte(frozen), 0)
}

// Undo takes FREEZING, of version 1, for frozen.
func (s *CgroupFreeze) Undo() (plan.Step, error) {
	file, _, thawed := freezer(s.Dir, s.V1)
	now, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(now)) == thawed {
		return &CgroupThaw{Dir: s.Dir, V1: s.V1}, nil
	}
	return nil, err
}

func (s *CgroupThaw) String() string {
	file, _, thawed := freezer(s.Dir, s.V1)
	return "echo " + thawed + " > " + plan.Command(file)
}

// Apply leaves a cgroup alone that has gone.
func (s *CgroupThaw) Apply() error {
	file, _, thawed := freezer(s.Dir, s.V1)
	err := os.WriteFile(file, []byte(thawed), 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// AwaitFrozen waits until all processes of a cgroup stand still: one that is in
// the kernel goes on until it comes out. Version 1 of the freezer can hang where
// processes come and go: now and then it is let go, and begins anew.
func AwaitFrozen(ctx context.Context, dir string, v1 bool) error {
	const glance = 10 * time.Millisecond // version 1 tells nobody
	file, frozen, thawed := freezer(dir, v1)
	for turn := 1; ; turn++ {
		done, err := isFrozen(dir, v1)
		if done || err != nil {
			return err
		}
		if v1 && turn%10 == 0 {
			for _, value := range []string{thawed, frozen} {
				if err := os.WriteFile(file, []byte(value), 0); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(glance):
		}
	}
}

func isFrozen(dir string, v1 bool) (bool, error) {
	if v1 {
		file, frozen, _ := freezer(dir, v1)
		b, err := os.ReadFile(file) // to read it is what brings it up to date
		return strings.TrimSpace(string(b)) == frozen, err
	}
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
	return strings.Contains(string(b), "frozen 1"), err
}

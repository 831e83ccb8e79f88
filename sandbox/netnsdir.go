package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// NetnsDir makes the directory of named network namespaces a shared mount, as
// ip-netns(8) does at its first use: what is bound in there is seen, and
// unbound, in other mount namespaces too.
type NetnsDir struct{}

func (*NetnsDir) String() string {
	return "mkdir -p " + plan.NetnsDir + "\n" +
		"mountpoint -q " + plan.NetnsDir + " || mount --rbind " + plan.NetnsDir + " " + plan.NetnsDir + "\n" +
		"mount --make-rshared " + plan.NetnsDir
}

// Apply makes the directory, binds it on itself unless it is a mount already,
// and shares it.
func (*NetnsDir) Apply() error {
	if err := os.MkdirAll(plan.NetnsDir, 0o755); err != nil {
		return err
	}
	m, err := mountAt(plan.NetnsDir)
	if err != nil {
		return err
	}
	if m == nil {
		if err := unix.Mount(plan.NetnsDir, plan.NetnsDir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("bind %s on itself: %w", plan.NetnsDir, err)
		}
	}
	if err := unix.Mount("", plan.NetnsDir, "", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("share %s: %w", plan.NetnsDir, err)
	}
	return nil
}

// Undo is nil for a shared mount, whoever made it. A mount that isn't shared
// is someone's: it gets shared, and stays.
func (*NetnsDir) Undo() (plan.Step, error) {
	m, err := mountAt(plan.NetnsDir)
	switch {
	case err != nil:
		return nil, err
	case m != nil && strings.Contains(m.Optional, "shared:"):
		return nil, nil
	case m != nil:
		return &plan.Leave{Why: plan.NetnsDir + " stays shared"}, nil
	}
	there, err := exists(plan.NetnsDir)
	return &NetnsDirDel{Made: !there}, err
}

// NetnsDirDel takes the mount of named network namespaces away, unless there
// are some: then it is not ours alone, and stays.
type NetnsDirDel struct {
	Made bool `json:"made,omitempty"` // the directory wasn't there before: remove it too
}

func (s *NetnsDirDel) String() string {
	if s.Made {
		return "umount " + plan.NetnsDir + "\nrmdir " + plan.NetnsDir
	}
	return "umount " + plan.NetnsDir
}

// Covers is for the mount, whatever was there meanwhile.
func (s *NetnsDirDel) Covers(later plan.Step) bool {
	_, ok := later.(*NetnsDirDel)
	return ok
}

// Apply unmounts, and removes the directory if it was made for this.
func (s *NetnsDirDel) Apply() error {
	names, err := os.ReadDir(plan.NetnsDir)
	if errors.Is(err, os.ErrNotExist) || len(names) > 0 {
		return nil
	}
	m, err := mountAt(plan.NetnsDir)
	if err != nil {
		return err
	}
	if m != nil {
		if err := unix.Unmount(plan.NetnsDir, unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount: %w", err)
		}
	}
	if !s.Made {
		return nil
	}
	return os.Remove(plan.NetnsDir)
}

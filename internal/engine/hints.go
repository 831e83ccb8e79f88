package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// Hint is a line that a person can run next, or "". What an error says of that
// itself comes before what its kind suggests.
func Hint(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Hint != "" {
		return e.Hint
	}
	if m, ok := errors.AsType[*nat.MissingToolError](err); ok {
		return "apt-get install " + m.Package()
	}
	if l, ok := errors.AsType[*nat.LockedError](err); ok {
		if l.Holder.PID == 0 {
			return "lslocks"
		}
		return fmt.Sprintf("ps -fp %d", l.Holder.PID)
	}
	if r, ok := errors.AsType[*state.RecordError](err); ok {
		return plan.Command("mv", r.File, r.File+".unreadable")
	}
	var path string
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		path = existing(p.Path)
	}
	for _, h := range []struct {
		errno error
		run   string
	}{
		{unix.EOPNOTSUPP, "minibridge check"}, // the kernel has no such device, file system or match
		{unix.ENODEV, "minibridge check"},
		{unix.EPERM, "minibridge check"}, // root that lacks a capability
		{unix.EAFNOSUPPORT, "minibridge check"},
		{unix.ENOSPC, plan.Command("df", "-h", path)},
		{unix.EDQUOT, plan.Command("df", "-h", path)},
		{unix.EROFS, plan.Command("findmnt", "--target", path)},
		{unix.EMFILE, "ulimit -n"},
	} {
		if errors.Is(err, h.errno) {
			return h.run
		}
	}
	return ""
}

// existing is the nearest directory that is there: what could not be written
// is gone.
func existing(path string) string {
	for path = filepath.Dir(path); path != "/"; path = filepath.Dir(path) {
		if _, err := os.Stat(path); err == nil {
			break
		}
	}
	return path
}

package engine_test

import (
	"fmt"
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/state"
)

func TestHintIsALineToRunNext(t *testing.T) {
	t.Parallel()
	full := &fs.PathError{Op: "write", Path: "/dev/no/such", Err: unix.ENOSPC}
	for want, err := range map[string]error{
		"df -h /dev":                    fmt.Errorf("record: %w", full),
		"minibridge check":              fmt.Errorf("ip link add: %w", unix.EOPNOTSUPP),
		"mv /r.json /r.json.unreadable": fmt.Errorf("x: %w", &state.RecordError{File: "/r.json", Err: unix.EINVAL}),
		"minibridge ps -a":              fmt.Errorf("x: %w", &engine.Error{Text: "no", Hint: "minibridge ps -a", Err: unix.ENOSPC}),
		"":                              fmt.Errorf("x: %w", unix.EEXIST),
	} {
		if got := engine.Hint(err); got != want {
			t.Errorf("hint for %q: %q, want %q", err, got, want)
		}
	}
}

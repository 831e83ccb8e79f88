package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// An ExecError is a command that could not be executed: it is not there, or
// is no program.
type ExecError struct {
	Name   string // as it was asked for
	Reason string
	Errno  syscall.Errno
}

// Error is Docker's text: exec: "nosuch": executable file not found in $PATH.
func (e *ExecError) Error() string { return fmt.Sprintf("exec: %q: %s", e.Name, e.Reason) }

// Unwrap gives the errno.
func (e *ExecError) Unwrap() error { return e.Errno }

// ExitCode is what a shell returns for it: 127 when there is no such command,
// 126 when it can't be executed.
func (e *ExecError) ExitCode() int {
	if e.Errno == unix.ENOENT {
		return 127
	}
	return 126
}

// lookup finds the command as a shell would, with the rights of the calling
// thread, in the root file system and working directory that it has by now.
func lookup(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if errno := executable(name); errno != 0 {
			return "", lookupError(name, errno)
		}
		return name, nil
	}
	for _, dir := range filepath.SplitList(pathOf(env)) {
		if dir == "" {
			dir = "."
		}
		if path := dir + "/" + name; name != "" && executable(path) == 0 {
			return path, nil
		}
	}
	return "", &ExecError{Name: name, Reason: "executable file not found in $PATH", Errno: unix.ENOENT}
}

func lookupError(name string, errno syscall.Errno) *ExecError {
	reason := errno.Error()
	if errno == unix.ENOENT || errno == unix.ENOTDIR {
		reason = "stat " + name + ": " + reason
	}
	return &ExecError{Name: name, Reason: reason, Errno: errno}
}

// executable tells why path can't be executed; 0 if it can.
func executable(path string) syscall.Errno {
	info, err := os.Stat(path)
	if err != nil {
		errno, _ := errors.AsType[syscall.Errno](err)
		return errno
	}
	if info.IsDir() {
		return unix.EISDIR
	}
	err = unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
	errno, _ := errors.AsType[syscall.Errno](err)
	return errno
}

func pathOf(env []string) string {
	path := ""
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	return path
}

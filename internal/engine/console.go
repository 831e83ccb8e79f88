package engine

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// openStreams begins to read what the command writes, which has just been
// executed: from its terminal, if it has one.
func (k *keeper) openStreams(ours streams) {
	if !k.Container.Spec.Tty {
		k.pump(ours.out, frameStdout)
		k.pump(ours.err, frameStderr)
		return
	}
	if k.Container.Spec.OpenStdin {
		k.stdin = k.process.Terminal
	}
	k.pump(k.process.Terminal, frameStdout)
}

// endStdin ends the command's standard input. A terminal's never ends: the next
// person may come to it.
func (k *keeper) endStdin() {
	if k.stdin != nil && !k.Container.Spec.Tty {
		k.stdin.Close()
	}
}

// stdinOnce says that standard input is that of the one who ran the container;
// else it goes on for the next one who comes.
func stdinOnce(c *state.Container) bool { return c.Spec.OpenStdin && attachmentOf(c).stdin }

// terminalSize is that of the terminal to make; nil for none.
func (k *keeper) terminalSize() *sandbox.Size {
	if !k.Container.Spec.Tty {
		return nil
	}
	return &k.Size
}

// resize gives the command's terminal a size. The kernel tells its foreground
// processes (SIGWINCH).
func (k *keeper) resize(body []byte) error {
	var size sandbox.Size
	if err := json.Unmarshal(body, &size); err != nil {
		return err
	}
	if k.process.Terminal == nil {
		return errorf("container %s has no terminal", k.Container.ID)
	}
	err := setSize(k.process.Terminal, size)
	if err == nil {
		k.resized(size)
	}
	return err
}

// resized tells of a terminal's size.
func (k *keeper) resized(size sandbox.Size) {
	k.engine.happened(k.latest(), "resize", fact{"height", strconv.Itoa(int(size.Rows))}, fact{"width", strconv.Itoa(int(size.Cols))})
}

func setSize(terminal *os.File, size sandbox.Size) error {
	conn, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = conn.Control(func(fd uintptr) {
		set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
	return errors.Join(err, set)
}

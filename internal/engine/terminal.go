package engine

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	keys "github.com/moby/term"
	"golang.org/x/term"

	"github.com/minibridge/minibridge/sandbox"
)

// A terminal is the person's, while it stands for a container's. One of a
// container that has none does nothing.
type terminal struct {
	restore func()   // as it was; once and for all
	in      *os.File // in raw mode: each key goes to the container; nil when it isn't
	keys    []byte   // those that leave the container
	watch   bool
}

// nobodys is the terminal of somebody who has none.
var nobodys = &terminal{restore: func() {}}

// defaultKeys are Docker's.
const defaultKeys = "ctrl-p,ctrl-q"

// parseKeys reads the keys that leave a container.
func parseKeys(s string) ([]byte, error) {
	if s == "" {
		s = defaultKeys
	}
	b, err := keys.ToBytes(s)
	if err != nil {
		return nil, errorf("Invalid detach keys (%s) provided", Printable(s)).hint("--detach-keys " + defaultKeys)
	}
	return b, nil
}

// openTerminal gives the person's terminal to a container that reads from it.
func openTerminal(a attachment, streams Streams) (*terminal, error) {
	t := &terminal{restore: func() {}, watch: a.tty}
	var err error
	if t.keys, err = parseKeys(streams.DetachKeys); err != nil {
		return nil, err
	}
	in, ok := streams.In.(*os.File)
	if !a.tty || !a.stdin || !ok || !isTerminal(in) {
		return t, nil
	}
	was, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("standard input: raw mode: %w", err)
	}
	t.in = in
	t.restore = sync.OnceFunc(func() { term.Restore(int(in.Fd()), was) }) // one that is gone needs no mode
	return t, nil
}

// raw says that the person's keys go to the container as they are.
func (t *terminal) raw() bool { return t.in != nil }

// lines is a text of ours as it is to be written there: in raw mode, nothing
// but a carriage return brings the next line to the left.
func (t *terminal) lines(text []byte) []byte {
	if !t.raw() {
		return text
	}
	return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
}

// watched looks out for the keys that leave the container.
func (t *terminal) watched(in io.Reader) io.Reader {
	if !t.watch {
		return in
	}
	return keys.NewEscapeProxy(in, t.keys)
}

// A descriptor is a stream that goes to a file, itself or in the end.
type descriptor interface{ Fd() uintptr }

// isTerminal says whether a stream is one.
func isTerminal(stream any) bool {
	f, ok := stream.(descriptor)
	return ok && term.IsTerminal(int(f.Fd()))
}

// check refuses what could not be typed into a container's terminal, and keys
// that nobody has.
func (s Streams) check(a attachment) error {
	if _, err := parseKeys(s.DetachKeys); err != nil {
		return err
	}
	if a.stdin && a.tty && !isTerminal(s.In) {
		return &Error{Text: "the input device is not a TTY", Hint: "leave out -t (-i alone keeps standard input open), or -i", Code: 1}
	}
	return nil
}

// sizeOf is that of the terminal that shows what a container writes; nobody
// knows that of anything else.
func sizeOf(streams Streams) (size sandbox.Size) {
	if !isTerminal(streams.Out) {
		return size
	}
	cols, rows, err := term.GetSize(int(streams.Out.(descriptor).Fd()))
	if err != nil {
		return size
	}
	return sandbox.Size{Rows: uint16(rows), Cols: uint16(cols)}
}

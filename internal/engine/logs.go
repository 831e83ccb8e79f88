package engine

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// Logs writes what a container wrote, each stream to its own.
func (e *Engine) Logs(ref string, timestamps bool, streams Streams) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	f, err := os.Open(e.dirs.Log(c.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it never ran
	}
	if err != nil {
		return err
	}
	defer f.Close()
	out, errs := bufio.NewWriterSize(streams.Out, 64<<10), bufio.NewWriter(streams.Err)
	err = copyLog(f, timestamps, out, errs)
	return errors.Join(err, out.Flush(), errs.Flush())
}

// copyLog takes the lines apart; what follows the last whole one is still
// being written.
func copyLog(f io.Reader, timestamps bool, out, errs io.Writer) error {
	in := bufio.NewReaderSize(f, 64<<10)
	middle := make(map[io.Writer]bool) // its last piece had no newline: the next one continues the line
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		time, rest, _ := bytes.Cut(line, []byte(" "))
		stream, rest, _ := bytes.Cut(rest, []byte(" "))
		tag, text, whole := bytes.Cut(rest, []byte(" "))
		if !whole {
			continue // not a line of ours
		}
		to := out
		if string(stream) == "stderr" {
			to = errs
		}
		if timestamps && !middle[to] {
			to.Write(append(time, ' '))
		}
		middle[to] = string(tag) == "P"
		if middle[to] {
			text = text[:len(text)-1]
		}
		if _, err := to.Write(text); err != nil {
			return err
		}
	}
}

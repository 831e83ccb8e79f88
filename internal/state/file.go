package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// schema is the version of the records that this program writes. A record
// with a higher one is refused, not guessed at.
const schema = 1

// head is what every record begins with.
type head struct {
	Schema int `json:"schema"`
}

// read fills record from the file. A record that can't be read is an error
// that names the file; it is never overwritten.
func read(file string, record any) error {
	b, err := readFile(file)
	if err != nil {
		return err
	}
	var h head
	if err := json.Unmarshal(b, &h); err != nil {
		return &RecordError{File: file, Err: err}
	}
	if h.Schema != schema {
		return &RecordError{File: file, Err: fmt.Errorf("schema %d, this minibridge knows %d", h.Schema, schema)}
	}
	if err := json.Unmarshal(b, record); err != nil {
		return &RecordError{File: file, Err: err}
	}
	return nil
}

// A RecordError is a record that can't be read.
type RecordError struct {
	File string
	Err  error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("unreadable record %s: %v", e.File, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

// write replaces the file whole, or not at all.
func write(file string, record any) error {
	b, err := json.MarshalIndent(record, "", "    ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return ofFile(file, renameio.WriteFile(file, append(b, '\n'), 0o600, renameio.WithTempDir(filepath.Dir(file))))
}

// ofFile is why a file could not be written, by its own name and not that of the
// one which would have replaced it.
func ofFile(file string, err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return &os.PathError{Op: "write", Path: file, Err: e.Err}
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return &os.PathError{Op: "write", Path: file, Err: e.Err}
	}
	return err
}

// tryLockFolder locks a folder (flock(2)) until it is closed, unless another has
// it.
func tryLockFolder(dir string, how int) (*os.File, error) {
	f, err := os.OpenFile(dir, unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		return nil, errors.Join(&os.PathError{Op: "flock", Path: dir, Err: err}, f.Close())
	}
	return f, nil
}

// lockFolder locks a folder (flock(2)) until it is closed. The end of ctx ends
// the wait: the lock is given back as soon as it is there.
func lockFolder(ctx context.Context, dir string, how int) (*os.File, error) {
	f, err := tryLockFolder(dir, how)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return f, err
	}
	if f, err = os.OpenFile(dir, unix.O_DIRECTORY, 0); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- unix.Flock(int(f.Fd()), how) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		go func() { <-done; f.Close() }()
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "flock", Path: dir, Err: err}, f.Close())
	}
	return f, nil
}

// Torn tells whether the last line of a file of lines has no end: a full disk
// tears one, and the death of its writer.
func Torn(f *os.File) (size int64, torn bool, err error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return 0, false, err
	}
	var end [1]byte
	_, err = f.ReadAt(end[:], info.Size()-1)
	return info.Size(), end[0] != '\n', err
}

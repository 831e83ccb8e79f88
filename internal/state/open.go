package state

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

var errIrregular = errors.New("not a regular file")

// Open is the way to each file of ours, as os.OpenFile is. What is no regular
// file is a [RecordError]: at a FIFO the kernel would wait for the one at its
// other end (fifo(7)), and a device may give bytes for ever.
func Open(file string, flag int) (*os.File, error) {
	f, err := os.OpenFile(file, flag|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, notOpened(file, err)
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(file, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// notOpened is why a file of ours could not be.
func notOpened(file string, err error) error {
	switch {
	case errors.Is(err, unix.EISDIR):
		return &RecordError{File: file, Err: unix.EISDIR}
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ELOOP): // a socket or a FIFO that nobody reads, a link
		return &RecordError{File: file, Err: errIrregular}
	}
	return err
}

func regular(file string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return &RecordError{File: file, Err: unix.EISDIR}
	case !info.Mode().IsRegular():
		return &RecordError{File: file, Err: errIrregular}
	}
	return nil
}

// readFile is a whole file of ours.
func readFile(file string) ([]byte, error) {
	f, err := Open(file, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

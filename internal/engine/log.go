package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

// A log holds what a container wrote, one line a line:
//
//	2026-11-25T18:52:59.123456789Z stdout F hello
//
// with the time, the stream, F for a line that ended, P for a piece of one.
// Bytes are kept as they were. It is the format of Kubernetes' container
// runtimes.
//
// One with a limit begins anew when it has reached that: log becomes log.1, that
// log.2, and so on. Who reads it knows the files by their inodes, so each is
// made new and none is written to any more when it has another name.
type logWriter struct {
	path   string
	limits logLimits
	failed func(error) // told once that something could not be written

	mu     sync.Mutex
	file   *os.File // nil when it could not be made
	out    *bufio.Writer
	size   int64
	missed error // why something is missing; failed has been told
}

// logTime is RFC 3339 with all nine decimals, in UTC.
const logTime = "2006-01-02T15:04:05.000000000Z"

// openLog makes the log, or adds to the one that is there.
func openLog(path string, limits logLimits, failed func(error)) (*logWriter, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	l := &logWriter{path: path, limits: limits, failed: failed, out: bufio.NewWriterSize(nil, 64<<10)}
	return l, l.open()
}

func (l *logWriter) open() error {
	f, err := state.Open(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return err
	}
	size, torn, err := state.Torn(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.size = f, size
	l.out.Reset(f)
	if torn { // by a full disk, or a writer that was killed
		l.out.WriteByte('\n')
	}
	return nil
}

// write adds what one read brought. It is in the file when write returns; a
// container goes on when the disk is full.
func (l *logWriter) write(kind frameKind, p []byte) {
	if l == nil || len(p) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.add(kind, p)
	if err != nil && l.missed == nil {
		l.missed = err
		l.failed(err)
	}
}

func (l *logWriter) add(kind frameKind, p []byte) error {
	stream := " stdout "
	if kind == frameStderr {
		stream = " stderr "
	}
	now := time.Now().UTC().Format(logTime)
	for len(p) > 0 {
		if err := l.makeRoom(); err != nil {
			return err
		}
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		tag := "P "
		if whole {
			tag = "F "
		}
		l.out.WriteString(now)
		l.out.WriteString(stream)
		l.out.WriteString(tag)
		l.out.Write(line)
		l.out.WriteByte('\n')
		l.size += int64(len(now) + len(stream) + len(tag) + len(line) + 1)
		p = rest
	}
	return l.flush()
}

func (l *logWriter) flush() error {
	err := l.out.Flush()
	if err != nil {
		l.out.Reset(l.file)   // what is left of it is lost
		l.out.WriteByte('\n') // and what is there may have no end
	}
	return err
}

// makeRoom begins a new file when the one there is has reached its limit, or
// could not be made the last time.
func (l *logWriter) makeRoom() error {
	if l.file == nil {
		return l.open()
	}
	if l.limits.size == 0 || l.size < l.limits.size {
		return nil
	}
	if err := l.flush(); err != nil {
		return err
	}
	if err := l.rotate(); err != nil {
		return err
	}
	err := l.file.Close()
	l.file = nil
	return errors.Join(err, l.open())
}

// rotate gives each file the next name; the last goes.
func (l *logWriter) rotate() error {
	if l.limits.files == 1 {
		return os.Remove(l.path)
	}
	free := 1 // the first name that is, or that of the last file
	for free < l.limits.files-1 && exists(logFile(l.path, free)) {
		free++
	}
	for n := free; n > 0; n-- {
		if err := os.Rename(logFile(l.path, n-1), logFile(l.path, n)); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// logFile is the name of a log's file, of which 0 is the newest.
func logFile(path string, n int) string {
	if n == 0 {
		return path
	}
	return fmt.Sprintf("%s.%d", path, n)
}

func (l *logWriter) close() {
	if l != nil && l.file != nil {
		l.file.Close()
	}
}

// lost says why something is missing, if so.
func (l *logWriter) lost() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missed
}

package engine

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A log holds what a container wrote, one line a line:
//
//	2026-11-25T18:52:59.123456789Z stdout F hello
//
// with the time, the stream, F for a line that ended, P for a piece of one.
// Bytes are kept as they were. It is the format of Kubernetes' container
// runtimes.
type logWriter struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
}

// logTime is RFC 3339 with all nine decimals, in UTC.
const logTime = "2006-01-02T15:04:05.000000000Z"

// openLog makes the log, or adds to the one that is there.
func openLog(file string) (*logWriter, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &logWriter{file: f, out: bufio.NewWriterSize(f, 64<<10)}, nil
}

// write adds what one read brought. It is in the file when write returns; a
// container goes on when the disk is full.
func (l *logWriter) write(kind frameKind, p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stream := " stdout "
	if kind == frameStderr {
		stream = " stderr "
	}
	now := time.Now().UTC().Format(logTime)
	for len(p) > 0 {
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
		p = rest
	}
	if l.out.Flush() != nil {
		l.out.Reset(l.file)
	}
}

func (l *logWriter) close() {
	l.file.Close()
}

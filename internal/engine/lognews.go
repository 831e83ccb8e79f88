package engine

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// logNews tells when a log has grown, and when it will grow no more. The zero
// value has no news: what there is, is all.
type logNews struct {
	grown chan struct{} // nil when nobody writes
	ended chan struct{}
	watch *os.File
	wire  *wire
}

// watchLog watches the log of a running container: the kernel tells of each
// write and each new file (inotify(7)), the supervisor of the end, and of what
// it could not write.
func (e *Engine) watchLog(ctx context.Context, id string, files *logFiles, notices io.Writer) (*logNews, error) {
	w, err := dial(e.dirs.Socket(id))
	if unreachable(err) {
		return &logNews{}, nil // it doesn't run
	}
	if err != nil {
		return nil, err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	n := &logNews{grown: make(chan struct{}, 1), ended: make(chan struct{}), watch: os.NewFile(uintptr(fd), "inotify"), wire: w}
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(files.path), unix.IN_MODIFY|unix.IN_CREATE); err != nil {
		n.close()
		return nil, err
	}
	if err := w.send(frameWait, nil); err != nil {
		n.close()
		return &logNews{}, nil
	}
	go n.listen(files)
	go func() {
		defer close(n.ended)
		for {
			kind, body, err := w.receive()
			if err != nil || kind == frameExit {
				return
			}
			if kind == frameNotice {
				notices.Write(body)
			}
		}
	}()
	return n, nil
}

// listen opens new files, while they have a name, and turns what the kernel
// tells into at most one piece of news ahead.
func (n *logNews) listen(files *logFiles) {
	events := make([]byte, 4096)
	for {
		if _, err := n.watch.Read(events); err != nil {
			return
		}
		_ = files.look() // where it fails, the next look finds the rest
		select {
		case n.grown <- struct{}{}:
		default:
		}
	}
}

// over says that nothing more will be written.
func (n *logNews) over() bool {
	if n.ended == nil {
		return true
	}
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// wait waits for news, but no longer than anybody wants some.
func (n *logNews) wait(ctx context.Context, late <-chan time.Time) error {
	select {
	case <-n.grown:
	case <-n.ended:
	case <-late:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

func (n *logNews) close() {
	if n.watch != nil {
		n.watch.Close()
		n.wire.close()
	}
}

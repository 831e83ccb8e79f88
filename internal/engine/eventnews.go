package engine

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// eventNews tells when there are more events: the kernel does of each write
// (inotify(7)). Before the first event, and after a reset, their folder isn't
// there: then it is the nearest one above that is watched, until it comes.
type eventNews struct {
	reader *state.EventReader
	grown  chan struct{}
	ended  chan struct{} // closed when the folder has gone
	at     string        // what is watched
	watch  *os.File
}

// follow watches what is there now.
func (n *eventNews) follow() error {
	for n.over() || n.at != n.reader.Folder() {
		dir, err := n.nearest()
		if err != nil || dir == n.at && !n.over() {
			return err
		}
		n.close()
		if err := n.open(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// over says that what was watched has gone, or nothing was.
func (n *eventNews) over() bool {
	select {
	case <-n.ended:
		return true
	default:
		return n.watch == nil
	}
}

// nearest is the folder of the events, or the first one above it that is there.
func (n *eventNews) nearest() (string, error) {
	for dir := n.reader.Folder(); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return dir, err
		}
	}
}

// open watches one: all of the folder of the events, of others what is made
// there.
func (n *eventNews) open(dir string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return err
	}
	watch := os.NewFile(uintptr(fd), "inotify")
	mask := uint32(unix.IN_CREATE | unix.IN_MOVED_TO)
	if dir == n.reader.Folder() {
		mask |= unix.IN_MODIFY | unix.IN_DELETE
	}
	if _, err := unix.InotifyAddWatch(fd, dir, mask); err != nil {
		return errors.Join(err, watch.Close())
	}
	n.grown, n.ended, n.at, n.watch = make(chan struct{}, 1), make(chan struct{}), dir, watch
	go hearEvents(n.watch, n.grown, n.ended)
	return nil
}

func (n *eventNews) close() {
	if n.watch != nil {
		n.watch.Close()
		n.watch = nil
	}
}

// hearEvents turns what the kernel tells into at most one piece of news ahead, and
// the end of the watch.
func hearEvents(watch *os.File, grown chan<- struct{}, ended chan<- struct{}) {
	events := make([]byte, 4096)
	for {
		n, err := watch.Read(events)
		if err != nil {
			return
		}
		if watchEnded(events[:n]) {
			close(ended)
			return
		}
		select {
		case grown <- struct{}{}:
		default:
		}
	}
}

// watchEnded looks for the last one of a watch among some struct inotify_event:
// four numbers of 32 bits each, the second of which is the mask and the last
// one the length of what follows.
func watchEnded(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		if binary.NativeEndian.Uint32(events[4:])&unix.IN_IGNORED != 0 {
			return true
		}
		events = events[min(len(events), unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(events[12:]))):]
	}
	return false
}

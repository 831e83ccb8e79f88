package engine

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/minibridge/minibridge/internal/state"
)

// logFiles are the files of a log, the oldest first, open. What is open is
// read to its end, whatever becomes of its name; while the last is open, no
// other file gets its inode.
type logFiles struct {
	path string
	most int // files that a log has at a time

	mu   sync.Mutex
	all  []*os.File
	last os.FileInfo // of the newest that was found
}

// look opens those that have come since. It goes from the newest to the oldest:
// one that gets its next name meanwhile is found twice, and none is missed. A
// name that is being passed on may be nobody's for a moment, but no two.
func (l *logFiles) look() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []*os.File
	var infos []os.FileInfo
	for n, gap := 0, 0; n < l.most && gap < 2; n++ {
		f, err := state.Open(logFile(l.path, n), os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			gap++
			continue
		}
		gap = 0
		if err != nil {
			return errors.Join(err, closeFiles(found))
		}
		info, err := f.Stat()
		if err != nil {
			return errors.Join(err, f.Close(), closeFiles(found))
		}
		if l.last != nil && os.SameFile(info, l.last) {
			f.Close()
			break // this and older ones are known
		}
		if slices.ContainsFunc(infos, func(o os.FileInfo) bool { return os.SameFile(o, info) }) {
			f.Close()
			continue
		}
		found, infos = append(found, f), append(infos, info)
	}
	if len(found) > 0 {
		l.last = infos[0]
		slices.Reverse(found)
		l.all = append(l.all, found...)
	}
	return nil
}

// first is the file to read, and whether a later one is there: then no more
// will be written to it.
func (l *logFiles) first() (f *os.File, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return nil, false
	}
	return l.all[0], len(l.all) > 1
}

// next is done with the first.
func (l *logFiles) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[0].Close()
	l.all = l.all[1:]
}

// seekTail puts the files where their last n lines begin.
func (l *logFiles) seekTail(n int) error {
	l.mu.Lock()
	all := slices.Clone(l.all) // more may come meanwhile, after these
	l.mu.Unlock()
	for i, f := range slices.Backward(all) {
		missing, err := seekTail(f, n)
		if err != nil {
			return err
		}
		if n = missing; n > 0 {
			continue
		}
		for range i {
			l.next()
		}
		return nil
	}
	return nil
}

func (l *logFiles) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return closeFiles(l.all)
}

func closeFiles(files []*os.File) (err error) {
	for _, f := range files {
		err = errors.Join(err, f.Close())
	}
	return err
}

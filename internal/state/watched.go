package state

import (
	"errors"
	"io/fs"
	"syscall"
)

// A watched record is read again only when it was replaced, which its inode
// and time tell: asking costs one stat(2).
type watched struct {
	file string
	seen syscall.Stat_t
}

// load fills record when the file has changed since the last time. One that
// isn't there any more has changed, too: fs.ErrNotExist. After any other error
// it will be tried again.
func (w *watched) load(record any) (changed bool, err error) {
	var st syscall.Stat_t
	if err := syscall.Stat(w.file, &st); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if st.Ino == w.seen.Ino && st.Mtim == w.seen.Mtim {
		return false, nil
	}
	err = read(w.file, record)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	w.seen = st
	return true, err
}

// A RunFile is the record of a running container, read again only when it has
// changed.
type RunFile struct {
	watched
	run *Run
}

// RunFile opens it.
func (d Dirs) RunFile(id string) *RunFile {
	return &RunFile{watched: watched{file: d.runFile(id)}}
}

// Load gives the record as it is now, without its process; changed says that
// it is another than the last time. It is not for several goroutines at once.
func (f *RunFile) Load() (run *Run, changed bool, err error) {
	r := &Run{}
	if changed, err = f.load(r); changed && err == nil {
		f.run = r
	}
	return f.run, changed && err == nil, err
}

package state

import (
	"path/filepath"
	"syscall"
	"time"
)

// A NetworkList is all networks for a process that lives long: their records
// are read again only when one has come or gone, which their folder's time
// tells. Asking costs one stat(2). It is not for several goroutines at once.
type NetworkList struct {
	dirs Dirs
	time syscall.Timespec // the folder's
	read time.Time        // when they were read; zero is never
	all  []*Network
}

// WatchNetworks opens it.
func (d Dirs) WatchNetworks() *NetworkList { return &NetworkList{dirs: d} }

// settled is how old a folder's time must be to tell one change from the next:
// more than a tick of any kernel's clock.
const settled = time.Second

// Load gives the networks as they are now. With an error they are those that
// were known, if any were.
func (l *NetworkList) Load() ([]*Network, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(filepath.Join(l.dirs.Root, "networks"), &st); err != nil {
		return l.all, err
	}
	if changed := time.Unix(st.Mtim.Unix()); st.Mtim == l.time && l.read.Sub(changed) > settled {
		return l.all, nil
	}
	now := time.Now()
	all, err := l.dirs.Networks()
	if err != nil {
		return l.all, err
	}
	l.all, l.time, l.read = all, st.Mtim, now
	return all, nil
}

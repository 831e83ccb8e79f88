package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Event is something that has happened to a container or a network.
type Event struct {
	Time       time.Time         `json:"time"`
	Type       string            `json:"type"` // container or network
	Action     string            `json:"action"`
	ID         string            `json:"id"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Events are kept in files of at most this many bytes, and a line; there are
// two at most.
const eventFile = 1 << 20

func (d Dirs) events() string { return filepath.Join(d.Run, "events") }

// AddEvent writes an event down, with the time. It needs no lock but one of its
// own, for as long as it takes to write a line: so the lines stand in the order
// of their times.
func (d Dirs) AddEvent(ev Event) error {
	if err := os.MkdirAll(d.events(), 0o700); err != nil {
		return err
	}
	lock, err := lockFolder(context.Background(), d.events(), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Close()
	ev.Time = time.Now().UTC()
	line, err := json.Marshal(ev)
	if err != nil {
		return err
	}
	f, err := d.openEvents()
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// openEvents gives the file to write to. A full one is never written to again:
// there is another one then, and those before the last two go. What a full disk
// has torn stays a line of its own.
func (d Dirs) openEvents() (*os.File, error) {
	numbers, err := d.eventFiles()
	if err != nil {
		return nil, err
	}
	last := 1
	if n := len(numbers); n > 0 {
		last = numbers[n-1]
	}
	f, err := Open(d.eventFile(last), os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	size, torn, err := Torn(f)
	if err == nil && torn {
		_, err = f.Write([]byte{'\n'})
	}
	if err != nil || size < eventFile {
		return f, err
	}
	f.Close()
	for _, n := range numbers[:len(numbers)-1] {
		if err := os.Remove(d.eventFile(n)); err != nil {
			return nil, err
		}
	}
	return Open(d.eventFile(last+1), os.O_WRONLY|os.O_APPEND|os.O_CREATE)
}

func (d Dirs) eventFile(n int) string {
	return filepath.Join(d.events(), fmt.Sprintf("%09d.jsonl", n))
}

// eventFiles are the numbers of the files, oldest first.
func (d Dirs) eventFiles() (numbers []int, err error) {
	names, err := list(d.events())
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimSuffix(name, ".jsonl")); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, err
}

// EventReader reads all events, from the oldest that is kept, each once. It is
// not for several goroutines at once.
type EventReader struct {
	dirs   Dirs
	file   *os.File // nil before the first
	number int
	torn   []byte // the end of what was read: half a line
}

// Events opens it.
func (d Dirs) Events() *EventReader { return &EventReader{dirs: d} }

// Folder is the one that changes when there are more. It comes with the first
// event, and goes with a reset.
func (r *EventReader) Folder() string { return r.dirs.events() }

// Read gives what has come since the last time. A file is read to its end once
// there is a later one: from then on nobody writes to it. When all are gone, by
// a reset, it begins with the oldest again.
func (r *EventReader) Read() (all []Event, err error) {
	for {
		next, err := r.next()
		if err != nil {
			return all, err
		}
		if r.file != nil {
			if all, err = r.read(all); err != nil {
				return all, err
			}
		}
		if next == 0 {
			removed, err := r.removed()
			if err != nil || !removed {
				return all, err
			}
			next, err = r.next() // a full one goes when there is a later one
			if err == nil && r.file != nil {
				all, err = r.read(all) // its last
			}
			if err != nil {
				return all, err
			}
		}
		r.Close()
		if r.number, r.torn = next, nil; next == 0 {
			continue
		}
		if r.file, err = Open(r.dirs.eventFile(next), os.O_RDONLY); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return all, err
		}
	}
}

// removed says that the present file is nobody's any more. As long as it is open
// its folder is there, and whoever watches that hears nothing of its end.
func (r *EventReader) removed() (bool, error) {
	if r.file == nil {
		return r.number > 0, nil
	}
	var st unix.Stat_t
	err := unix.Fstat(int(r.file.Fd()), &st)
	return st.Nlink == 0, err
}

// next is the number of the file after the present one; 0 is none yet.
func (r *EventReader) next() (int, error) {
	numbers, err := r.dirs.eventFiles()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, n := range numbers {
		if n > r.number {
			return n, nil
		}
	}
	return 0, err
}

func (r *EventReader) read(all []Event) ([]Event, error) {
	b, err := io.ReadAll(r.file)
	b = append(r.torn, b...)
	end := bytes.LastIndexByte(b, '\n') + 1
	r.torn = bytes.Clone(b[end:])
	for line := range bytes.Lines(b[:end]) {
		var ev Event
		if json.Unmarshal(line, &ev) == nil {
			all = append(all, ev)
		}
	}
	return all, err
}

// Close ends the reading.
func (r *EventReader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

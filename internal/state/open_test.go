package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// others are what may stand in the place of a file, and what is said of it.
var others = map[string]struct {
	make func(file string) error
	want string
}{
	"a FIFO":   {func(file string) error { return unix.Mkfifo(file, 0o600) }, "not a regular file"},
	"a socket": {func(file string) error { return unix.Mknod(file, unix.S_IFSOCK|0o600, 0) }, "not a regular file"},
	"a device": {func(file string) error { return unix.Mknod(file, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) }, "not a regular file"}, // zero(4)
	"a link":   {func(file string) error { return os.Symlink("/dev/zero", file) }, "not a regular file"},
	"a folder": {func(file string) error { return os.Mkdir(file, 0o700) }, "is a directory"},
}

// refused wants what stands in a file's place named, without a wait for it, and
// left where it is.
func refused(t *testing.T, what, file, why string, open func() error) {
	t.Helper()
	before, err := os.Lstat(file)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- open() }()
	select {
	case err := <-done:
		record, ok := errors.AsType[*state.RecordError](err)
		if !ok || record.File != file || record.Error() != "unreadable record "+file+": "+why {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("%s is waited for", what)
	}
	if after, err := os.Lstat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("%s is not there any more: %v", what, err)
	}
}

func TestWhatIsNoFileIsNoRecord(t *testing.T) {
	t.Parallel()
	for name, r := range records() {
		for what, other := range others {
			d := folders(t)
			h := lock(t, d)
			must(t, os.MkdirAll(filepath.Dir(r.file(d)), 0o700), other.make(r.file(d)))
			refused(t, what+" as "+name, r.file(d), other.want, func() error { return second(r.read(d, h)) })
		}
	}
}

func TestWhatIsNoFileIsNoLock(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lock", "holder", "tools", "world"} {
		for what, other := range others {
			d := folders(t)
			file := filepath.Join(d.Run, name)
			must(t, other.make(file))
			refused(t, what+" as "+name, file, other.want, func() error {
				_, err := state.Lock(context.Background(), d, "test", nil)
				return err
			})
			must(t, os.RemoveAll(file))
			lock(t, d) // it was given back
		}
	}
}

func TestWhatIsNoFileIsNoListOfLines(t *testing.T) {
	t.Parallel()
	for what, other := range others {
		d := folders(t)
		h := lock(t, d)
		must(t, other.make(file(d)))
		refused(t, what+" as a journal", file(d), other.want, func() error { return second(h.Journal("host", kinds)) })

		events := filepath.Join(d.Run, "events", "000000001.jsonl")
		must(t, os.Mkdir(filepath.Dir(events), 0o700), other.make(events))
		refused(t, what+" to read events from", events, other.want, func() error { return second(d.Events().Read()) })
		refused(t, what+" to write events to", events, other.want, func() error { return d.AddEvent(state.Event{}) })

		members := filepath.Join(d.Run, "members", "net.json")
		must(t, os.Mkdir(filepath.Dir(members), 0o700), other.make(members))
		refused(t, what+" as members", members, other.want, func() error {
			_, _, err := d.Members("net").Load()
			return err
		})
		refused(t, what+" as members that change", members, other.want, func() error { return h.Quit("net", webID) })
	}
}

func TestADoorThatIsNoFolderIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	d := folders(t)
	must(t, unix.Mkfifo(d.Running(webID), 0o600))
	done := make(chan error, 1)
	go func() { done <- second(d.ComeIn(context.Background(), webID)) }()
	select {
	case err := <-done:
		if !errors.Is(err, unix.ENOTDIR) {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it is waited for")
	}
}

func TestSalvageRemovesWhatCanNotBeReadAlone(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h, err := state.Lock(t.Context(), d, "test", nil)
	must(t, err, h.Unlock(true))
	names := []string{"holder", "lock", "tools", "world"}
	must(t, d.Salvage(func(err error) { t.Error("told of a file that can be read:", err) }))
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(d.Run, name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range names {
		file := filepath.Join(d.Run, name)
		must(t, os.Remove(file), os.MkdirAll(filepath.Join(file, "theirs"), 0o700))
	}
	told := 0
	if err := d.Salvage(func(error) { told++ }); err == nil || told > 0 {
		t.Errorf("folders that have something in them: %v, told of %d", err, told)
	}
	for _, name := range names {
		must(t, os.Remove(filepath.Join(d.Run, name, "theirs")))
	}
	must(t, d.Salvage(func(error) { told++ }))
	if told != len(names) {
		t.Errorf("told of %d files", told)
	}
	lock(t, d)
}

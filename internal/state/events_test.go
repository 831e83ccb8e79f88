package state_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/minibridge/minibridge/internal/state"
)

func add(t *testing.T, d state.Dirs, writer, n int) {
	t.Helper()
	err := d.AddEvent(state.Event{Type: "container", Action: strconv.Itoa(writer), ID: strconv.Itoa(n), Attributes: map[string]string{"padding": strings.Repeat("x", 2000)}})
	if err != nil {
		t.Error(err)
	}
}

// Some write, and one reads all the time, over several changes of files: it
// gets what each wrote in its order, and each once.
func TestEventsAreReadOnce(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 500
	d := state.Dirs{Root: t.TempDir(), Run: t.TempDir()}
	ahead := make(chan struct{}, 300) // how many the reader may lag behind: less than a file
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for n := range each {
				ahead <- struct{}{}
				add(t, d, w, n)
			}
		})
	}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	r := d.Events()
	defer r.Close()
	var seen [writers]int
	read := func() {
		all, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range all {
			w, _ := strconv.Atoi(ev.Action)
			if want := strconv.Itoa(seen[w]); ev.ID != want {
				t.Fatalf("of writer %d: %s, not %s", w, ev.ID, want)
			}
			seen[w]++
			<-ahead
		}
	}
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		read()
	}
	if seen != [writers]int{each, each, each, each} {
		t.Errorf("%v events, not %d of each", seen, each)
	}
	files, err := filepath.Glob(filepath.Join(d.Run, "events", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > 1<<20+4096 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
}

// A line that a full disk has torn is lost; the next ones are not.
func TestTornEvent(t *testing.T) {
	t.Parallel()
	d := state.Dirs{Root: t.TempDir(), Run: t.TempDir()}
	add(t, d, 0, 0)
	files, err := filepath.Glob(filepath.Join(d.Run, "events", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	f, err := os.OpenFile(files[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-11-`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	r := d.Events()
	defer r.Close()
	if all, err := r.Read(); len(all) != 1 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
	add(t, d, 0, 1)
	if all, err := r.Read(); len(all) != 1 || err != nil || all[0].ID != "1" {
		t.Errorf("%v, %v", all, err)
	}
}

// After a reset it goes on with what is new.
func TestEventsAfterAReset(t *testing.T) {
	t.Parallel()
	d := state.Dirs{Root: t.TempDir(), Run: t.TempDir()}
	r := d.Events()
	defer r.Close()
	for n := range 3 {
		add(t, d, 0, 2*n)
		if all, err := r.Read(); len(all) != 1 || err != nil {
			t.Fatalf("%v, %v", all, err)
		}
		add(t, d, 0, 2*n+1)
		if err := os.RemoveAll(r.Folder()); err != nil {
			t.Fatal(err)
		}
		if all, err := r.Read(); len(all) != 1 || err != nil || all[0].ID != strconv.Itoa(2*n+1) {
			t.Fatalf("its last are %v, %v", all, err)
		}
	}
}

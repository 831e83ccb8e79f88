package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

var unreadable = map[string]string{
	"empty":             "",
	"torn":              "{\n    \"schema\": 1,\n    \"id\": \"c0f",
	"zeroes":            "\x00\x00\x00\x00\x00\x00",
	"a newer schema":    `{"schema": 2, "id": "x"}`,
	"no schema":         `{"id": "x"}`,
	"no object":         `[1, 2]`,
	"null":              `null`,
	"a field is wrong":  `{"schema": 1, "id": 7, "last": 7, "firewall": 7}`,
	"an address is bad": `{"schema": 1, "subnet": "172.17.0.0/99", "endpoints": [{"mac": "x"}], "last": {"tcp": 65536}, "firewall": {}, "created": "yesterday"}`,
	"two records":       "{\"schema\": 1}\n{\"schema\": 1}\n",
}

func TestUnreadableRecordsAreNamedAndKept(t *testing.T) {
	t.Parallel()
	for name, r := range records() {
		for what, text := range unreadable {
			d := folders(t)
			h := lock(t, d)
			if err := r.write(h); err != nil {
				t.Fatal(err)
			}
			file := r.file(d)
			write(t, file, text)
			_, err := r.read(d, h)
			record, ok := errors.AsType[*state.RecordError](err)
			if !ok || record.File != file || !strings.Contains(err.Error(), file) {
				t.Errorf("%s, %s: the error does not name the file: %v", name, what, err)
			}
			if content(t, file) != text {
				t.Errorf("%s, %s: it was overwritten", name, what)
			}
		}
	}
}

func TestPortsAreNotWrittenOverWhatCanNotBeRead(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h := lock(t, d)
	file := filepath.Join(d.Run, "ports.json")
	write(t, file, "{")
	if err := h.SetLastPort("tcp", 1); err == nil {
		t.Error("no error")
	}
	if content(t, file) != "{" {
		t.Error("it was overwritten")
	}
}

// One bad record hides no other.
func TestListsNameTheUnreadable(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h := lock(t, d)
	db := container()
	db.ID, db.Name, db.Created = dbID, "db", db.Created.Add(time.Second)
	web := running()
	for _, err := range []error{h.WriteContainer(container()), h.WriteContainer(db), h.WriteRun(web)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if all, err := d.Containers(); err != nil || len(all) != 2 || all[0].Name != "db" {
		t.Errorf("not the newest first: %v, %v", all, err)
	}
	broken := filepath.Join(d.Container(dbID), "container.json")
	write(t, broken, "{")
	if err := os.Mkdir(d.Running(dbID), 0o700); err != nil {
		t.Fatal(err)
	}
	if runs, err := d.Runs(); err != nil || len(runs) != 1 {
		t.Errorf("a folder without a record counts: %v, %v", runs, err)
	}
	write(t, filepath.Join(d.Running(dbID), "run.json"), "{")
	all, err := d.Containers()
	if len(all) != 1 || all[0].Name != "web" || err == nil || !strings.Contains(err.Error(), broken) {
		t.Errorf("%v, %v", all, err)
	}
	runs, err := d.Runs()
	if len(runs) != 1 || runs[0].Name != "web" || err == nil {
		t.Errorf("%v, %v", runs, err)
	}
}

func FuzzRecords(f *testing.F) {
	for _, text := range unreadable {
		f.Add([]byte(text))
	}
	dirs := folders(f)
	held := lock(f, dirs)
	for _, r := range records() {
		if err := r.write(held); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(content(f, r.file(dirs))))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := folders(t)
		h := lock(t, d)
		for _, r := range records() {
			if err := os.MkdirAll(filepath.Dir(r.file(d)), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, r.file(d), string(text))
			_, err := r.read(d, h)
			if _, named := errors.AsType[*state.RecordError](err); err != nil && !named {
				t.Errorf("no file is named: %v", err)
			}
			if content(t, r.file(d)) != string(text) {
				t.Error("it was overwritten")
			}
		}
	})
}

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// TestReference holds docs/reference to what help says.
func TestReference(t *testing.T) {
	const dir = "../../docs/reference"
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		made := t.TempDir()
		m.Sh(t, "minibridge reference markdown "+made)
		have, want := texts(t, dir), texts(t, made)
		for name, text := range want {
			if diff := hosttest.Diff(have[name], text); diff != "" {
				t.Errorf("docs/reference/%s is not what help says; try: go generate ./cmd/minibridge\n%s", name, diff)
			}
			delete(have, name)
		}
		for name := range have {
			t.Errorf("docs/reference/%s is of no command: delete it", name)
		}
	})
}

// TestManPages holds that whoever shows man pages has nothing to complain of,
// that they say what help says, and that one day's pages are the same.
func TestManPages(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		made, again := t.TempDir(), t.TempDir()
		m.Sh(t, "SOURCE_DATE_EPOCH=86400 minibridge reference man "+made+"; SOURCE_DATE_EPOCH=86401 minibridge reference man "+again)
		m.Sh(t, "diff -r "+made+" "+again)
		all := texts(t, made)
		if len(all) < 30 {
			t.Fatalf("only %d pages", len(all))
		}
		for name := range all {
			t.Run(name, func(t *testing.T) {
				page := filepath.Join(made, name)
				if said := m.Sh(t, "mandoc -Tlint -Wwarning "+page+"; groff -k -man -ww -Tutf8 -z "+page); said != "" {
					t.Error(said)
				}
				shown := m.Sh(t, "groff -k -man -Tutf8 -P-cbou -rLL=400n "+page)
				if !strings.Contains(shown, "1970-01-02") {
					t.Error("not of the day that SOURCE_DATE_EPOCH says")
				}
				command := strings.ReplaceAll(strings.TrimSuffix(name, ".8"), "-", " ")
				for line := range strings.Lines(m.Sh(t, command+" --help")) {
					flag, what, isFlag := strings.Cut(strings.TrimSpace(line), "   ")
					if !isFlag || flag[0] != '-' {
						continue
					}
					if !strings.Contains(shown, flag) || !strings.Contains(shown, strings.TrimSpace(what)) {
						t.Errorf("nothing of %s", line)
					}
				}
			})
		}
	})
}

func texts(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(b)
	}
	return all
}

package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// However far a run gets before the disk is full.
func TestAFullDisk(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, dir := range []string{testDirs.Root, testDirs.Run} {
			m.Sh(t, "mkdir -p "+dir+"; mount -t tmpfs -o size=128k,mode=700 none "+dir)
		}
		used := milestones(t, m)[2:]
		for _, dir := range []string{testDirs.Root, testDirs.Run} {
			for pages := range 8 {
				filler := dir + "/filler"
				m.Try("dd if=/dev/zero of=" + filler + " bs=4k")
				m.Sh(t, fmt.Sprintf("truncate -s -%d %s", pages<<12, filler))
				how := fmt.Sprintf("%d pages free in %s", pages, dir)
				out, code := m.Try("minibridge run --rm --name web -p 8000:80 echo hello")
				if code != 0 && (code != 125 || !strings.Contains(out, "no space left on device")) || code == 0 && out != "hello" {
					t.Errorf("%s: exit code %d: %s", how, code, out)
				}
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				m.Try("minibridge rm -f web") // whose end could not be written
				recovered(t, m, how, used)
			}
		}
	})
}

// A record that can't be read is named, stays as it is, and hides no other.
func TestUnreadableRecords(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.State(t)
		m.Sh(t, "minibridge run -d --name web -p 8000:80 sleep 1000; minibridge run --name ended true")
		web := running(t, "web")
		networks, err := filepath.Glob(testDirs.Root + "/networks/*.json")
		if err != nil || len(networks) != 3 {
			t.Fatal(networks, err)
		}
		for file, verbs := range map[string][]string{
			testDirs.Container(web.ID) + "/container.json": {"ps", "rm -f web", "inspect web", "run --name web true"},
			testDirs.Running(web.ID) + "/run.json":         {"inspect web", "exec web true"},
			networks[0]:                                    {"run --rm true", "network ls"},
			testDirs.Run + "/world":                        {"run --rm true", "rm ended"},
		} {
			whole, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, broken := range []string{"", "{", `{"schema": 99}`} {
				if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
					t.Fatal(err)
				}
				for _, verb := range verbs {
					if out, code := m.Try("minibridge " + verb); code == 0 || !strings.Contains(out, file) {
						t.Errorf("%s with %q in %s: exit code %d: %s", verb, broken, file, code, out)
					}
				}
				if now, err := os.ReadFile(file); err != nil || string(now) != broken {
					t.Errorf("%s was overwritten: %q, %v", file, now, err)
				}
			}
			if err := os.WriteFile(file, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := status(t, "web"); !strings.HasPrefix(got, "Up ") {
			t.Errorf("web is %s", got)
		}
		for _, file := range []string{testDirs.Container(web.ID) + "/container.json", testDirs.Running(web.ID) + "/run.json"} {
			if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m.Sh(t, "minibridge reset -f")
		if after := quiet(t, m); after != before {
			t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
		}
	})
}

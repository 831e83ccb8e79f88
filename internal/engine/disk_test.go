package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/engine"
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
				if code != 0 && (code != 125 || !strings.Contains(out, "no space left on device")) || code == 0 && !slices.Contains(strings.Split(out, "\n"), "hello") {
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

// The supervisor makes the log. Where it can't, it cleans up itself, and not
// the next verb; unless the command, which may fail too, has done that.
func TestALogThatCannotBeMade(t *testing.T) {
	for name, interrupt := range map[string]string{"it alone": "nothing like it", "and the command fails": "ip netns add"} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				e, err := engine.New(engine.Config{
					Root: engine.DefaultRoot, RunDir: engine.DefaultRunDir, Firewall: testFirewall(),
					Explain: &obstacle{t: t, at: interrupt, cancel: cancel}, Notice: notices{t},
				})
				if err != nil {
					t.Fatal(err)
				}
				spec := engine.Spec{Args: []string{"true"}, Network: "bridge", CallerDir: "/", Publish: []string{"8000:80"}, Detach: true}
				_, err = e.Run(ctx, spec, "web", engine.Streams{Out: io.Discard, Err: io.Discard})
				if ctx.Err() == nil && (err == nil || !strings.HasSuffix(err.Error(), "/log: is a directory")) || ctx.Err() != nil && !errors.Is(err, context.Canceled) {
					t.Fatalf("error: %v", err)
				}
				if files := left(t); len(files) > 0 {
					t.Errorf("left behind: %q", files)
				}
				after := quiet(t, m)
				if used := milestones(t, m)[2]; after != used {
					t.Errorf("left behind:\n%s", hosttest.Diff(used, after))
				}
			})
		})
	}
}

// obstacle stands where the log of the container web will be, from the moment
// that the first change to the kernel is told: then its name is taken.
type obstacle struct {
	t      *testing.T
	at     string // the command that is interrupted
	cancel func()
	stands bool
}

func (o *obstacle) Write(p []byte) (int, error) {
	if strings.Contains(string(p), o.at) {
		o.cancel()
	}
	if o.stands {
		return len(p), nil
	}
	target, err := os.Readlink(testDirs.Root + "/names/web")
	if err == nil {
		err = os.MkdirAll(testDirs.Log(filepath.Base(target)), 0o700)
	}
	if err != nil {
		o.t.Error(err)
	}
	o.stands = true
	return len(p), nil
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

// A disk that fills up as a container starts keeps its record from saying that
// this has failed; who has started it hears of that as well.
func TestDiskFillsUpWhileAStartFails(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "cp /etc/passwd /run/users; mount -t tmpfs -o size=1m none /var/lib/minibridge; minibridge create --name box -v /run/users:/etc/passwd sleep 1000")
		h := hosttest.NewHold(t, "/run/users")
		defer h.Release()
		cmd := exec.Command("sh", "-c", "exec minibridge start box 2>&1")
		says := start(t, cmd)
		h.Wait(t)
		m.Try("dd if=/dev/zero of=/var/lib/minibridge/filler bs=4k")
		m.Sh(t, "minibridge kill box")
		text, err := io.ReadAll(says)
		if err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`(?s)^WARNING: container box has ended \(128\), which can't be written down yet: .* no space left on device.*\nminibridge: .*the container was stopped before its command was executed`)
		if !want.Match(text) || code(cmd) != 1 {
			t.Errorf("start says %q", text)
		}
	})
}

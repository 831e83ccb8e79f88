package sandbox_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func config(args ...string) sandbox.Config {
	return sandbox.Config{Command: sandbox.Command{Args: args, Env: []string{path}}}
}

// shell is a sandbox that runs a script.
func shell(script string) sandbox.Config { return config("sh", "-c", script) }

// output collects what is written to a new pipe, until all its writers are gone.
func output(t *testing.T) (w *os.File, all func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	go func() {
		defer r.Close()
		var b bytes.Buffer
		io.Copy(&b, r)
		done <- b.String()
	}()
	return w, func() string {
		w.Close()
		return <-done
	}
}

// start starts a sandbox, which ends with the test, and lets it go. Unless the
// configuration has layers, it gets new ones.
func start(t *testing.T, c sandbox.Config) (*sandbox.Process, error) {
	t.Helper()
	if c.Root.Layers == "" {
		c.Root.Layers = layers(t)
	}
	p, err := sandbox.Start(c)
	if err != nil {
		return nil, err
	}
	return p, p.Go(t.Context(), nil)
}

// layers is a new directory of a tmpfs.
func layers(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "layers")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// try runs a sandbox to its end.
func try(t *testing.T, c sandbox.Config) (out string, code int, err error) {
	t.Helper()
	w, all := output(t)
	c.Stdout, c.Stderr = w, w
	p, err := start(t, c)
	if err == nil {
		code, err = p.Wait()
	}
	return strings.TrimSpace(all()), code, err
}

// run is try for what has to succeed.
func run(t *testing.T, c sandbox.Config) string {
	t.Helper()
	out, code, err := try(t, c)
	if err != nil || code != 0 {
		t.Fatalf("%q: exit code %d, %v\n%s", c.Args, code, err, out)
	}
	return out
}

// waiting starts a sandbox with a process that waits until the test has ended.
func waiting(t *testing.T, c sandbox.Config) *sandbox.Process {
	t.Helper()
	c.Args = []string{"sleep", "1000"}
	p, err := start(t, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	return p
}

// tempDir is a tmpfs that other users can enter too; whatever is mounted on it
// goes with it.
func tempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	for d := dir; d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func equal(t *testing.T, what, have, want string) {
	t.Helper()
	if have != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, have, want)
	}
}

// A process is alone in its namespaces, and has nothing of its caller's but the
// streams.
func TestProcess(t *testing.T) {
	for name, tt := range map[string]struct {
		set    func(*sandbox.Config)
		script string
		want   string
	}{
		"it is PID 1, among its own": {script: `echo $$; ls /proc | grep '^[0-9]' | sort | head -1; exec ps -o pid=,comm=`, want: "1\n1\n      1 ps"},
		"names": {
			set:    func(c *sandbox.Config) { c.Hostname, c.Domainname = "box", "example.test" },
			script: "hostname; cat /proc/sys/kernel/domainname",
			want:   "box\nexample.test",
		},
		"a session of its own":           {script: `set -- $(cat /proc/1/stat); echo pgrp $5 session $6 tty $7`, want: "pgrp 1 session 1 tty 0"},
		"the environment that was given": {script: `tr '\0' '\n' </proc/1/environ`, want: path + "\nHOME=/root"},
		"HOME stays when it was given": {
			set:    func(c *sandbox.Config) { c.Env = append(c.Env, "HOME=/x") },
			script: `tr '\0' '\n' </proc/1/environ`, want: path + "\nHOME=/x",
		},
		"no descriptor but the streams": {script: `for f in /proc/1/fd/*; do echo ${f##*/}; done | sort -n | head -3; readlink /proc/1/fd/0`, want: "0\n1\n2\n/dev/null"},
		"umask":                         {script: "umask", want: "0022"},
		"signals as after a boot": {script: `exec grep -E 'Sig(Blk|Ign)|ShdPnd' /proc/self/status`,
			want: "ShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000"},
		"setuid programs work": {script: "grep NoNewPrivs /proc/1/status", want: "NoNewPrivs:\t0"},
		"a limit of open files": {
			set: func(c *sandbox.Config) {
				c.Limits = []sandbox.Limit{{Resource: unix.RLIMIT_NOFILE, Soft: 100, Hard: 200}}
			},
			script: "ulimit -Sn; ulimit -Hn", want: "100\n200",
		},
		"/ is where it starts": {script: "pwd", want: "/"},
		"a directory is made": {
			set:    func(c *sandbox.Config) { c.Dir = "/srv/a/b"; c.User = "nobody" },
			script: "pwd; stat -c '%U %a' .", want: "/srv/a/b\nroot 755",
		},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				leak(t)
				c := shell(tt.script)
				if tt.set != nil {
					tt.set(&c)
				}
				equal(t, tt.script, run(t, c), tt.want)
			})
		})
	}
}

// leak leaves an open file and an ignored signal around, as a shell with
// `exec 9<FILE` and `nohup` does.
func leak(t *testing.T) {
	t.Helper()
	ignoreHangup()
	f, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	noCloseOnExec(t, f)
}

// The end of a process is told as a shell tells it.
func TestExitCode(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for script, want := range map[string]int{"exit 7": 7, "true": 0, "sh -c 'kill -9 $$'": 137, "sh -c 'kill -15 $$'": 143} {
			if _, code, err := try(t, shell(script)); code != want || err != nil {
				t.Errorf("%s: %d, %v; want %d", script, code, err, want)
			}
		}
	})
}

// Until it is let go, nothing of the command happens; killed by then, it says so.
func TestBeforeGo(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		witness := t.TempDir() + "/witness"
		c := config("touch", "/witness")
		c.Binds = []sandbox.Bind{{Source: filepath.Dir(witness), Target: "/w"}}
		c.Args = []string{"touch", "/w/witness"}
		c.Root.Layers = layers(t)
		for name, end := range map[string]func(*sandbox.Process) error{
			"killed": func(p *sandbox.Process) error {
				p.Signal(9)
				return p.Go(t.Context(), nil)
			},
			"given up": func(p *sandbox.Process) error {
				ctx, cancel := context.WithCancel(t.Context())
				p.Signal(19) // SIGSTOP: it will not get there
				cancel()
				return p.Go(ctx, nil)
			},
		} {
			p, err := sandbox.Start(c)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]error{"killed": sandbox.ErrEnded, "given up": context.Canceled}[name]
			if err := end(p); err != want {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
			if sandbox.Alive(p.Pid, p.Start) {
				t.Errorf("%s: alive", name)
			}
		}
		if _, err := os.Stat(witness); err == nil {
			t.Error("the command was executed")
		}
	})
}

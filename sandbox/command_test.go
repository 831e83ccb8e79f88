package sandbox_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// Users and groups are those of the sandbox; what is wrong is told with
// Docker's words.
func TestUser(t *testing.T) {
	for user, want := range map[string]string{
		"":              "uid=0(root) gid=0(root) groups=0(root) HOME=/root",
		"nobody":        "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup) HOME=/nonexistent",
		"4711":          "uid=4711 gid=0(root) groups=0(root) HOME=/",
		"4711:4712":     "uid=4711 gid=4712 groups=4712 HOME=/",
		"nobody:daemon": "uid=65534(nobody) gid=1(daemon) groups=1(daemon) HOME=/nonexistent",
		"nouser":        "unable to find user nouser: no matching entries in passwd file",
		"root:nogrp":    "unable to find group nogrp: no matching entries in group file",
		"99999999999":   "uids and gids must be in range 0-2147483647",
	} {
		t.Run(user, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				c := shell("echo $(id) HOME=$HOME >/dev/stdout")
				c.User = user
				out, _, err := try(t, c)
				if err != nil {
					out = err.Error()
				}
				equal(t, user, out, want)
			})
		})
	}
}

// The sets are Docker's, as /proc/PID/status showed them there.
func TestCapabilities(t *testing.T) {
	for name, tt := range map[string]struct {
		user string
		caps sandbox.Caps
		want string // permitted, effective, bounding
	}{
		"default":           {want: "00000000a80425fb 00000000a80425fb 00000000a80425fb"},
		"a user":            {user: "1000", want: "0000000000000000 0000000000000000 00000000a80425fb"},
		"added, dropped":    {caps: sandbox.Caps{Add: []string{"NET_ADMIN"}, Drop: []string{"cap_chown"}}, want: "00000000a80435fa 00000000a80435fa 00000000a80435fa"},
		"a user with more":  {user: "1000", caps: sandbox.Caps{Add: []string{"net_admin"}}, want: "0000000000000000 0000000000000000 00000000a80435fb"},
		"one only":          {caps: sandbox.Caps{Add: []string{"CAP_CHOWN"}, Drop: []string{"all"}}, want: "0000000000000001 0000000000000001 0000000000000001"},
		"none":              {caps: sandbox.Caps{Drop: []string{"ALL"}}, want: "0000000000000000 0000000000000000 0000000000000000"},
		"all but one":       {caps: sandbox.Caps{Add: []string{"ALL"}, Drop: []string{"SYS_ADMIN"}}, want: "own but 0000000000200000"},
		"privileged":        {caps: sandbox.Caps{Privileged: true}, want: "own but 0000000000000000"},
		"unknown":           {caps: sandbox.Caps{Add: []string{"FOO"}}, want: `invalid CapAdd: unknown capability: "CAP_FOO"`},
		"unknown to drop":   {caps: sandbox.Caps{Drop: []string{"cap_nope"}}, want: `invalid CapDrop: unknown capability: "CAP_NOPE"`},
		"no name among all": {caps: sandbox.Caps{Add: []string{"ALL", "FOO"}}, want: `invalid CapAdd: unknown capability: "CAP_FOO"`},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				c := shell(`set -- $(sed -n 's/^Cap.*:.//p' /proc/self/status); test $1$5 = 00000000000000000000000000000000; echo $2 $3 $4`)
				c.User, c.Caps = tt.user, tt.caps
				out, _, err := try(t, c)
				if err != nil {
					out = err.Error()
				}
				equal(t, "capabilities", out, ownCaps(t, m, tt.want))
			})
		})
	}
}

// ownCaps replaces "own but MASK" by what this machine's root has, less the mask.
func ownCaps(t *testing.T, m *hosttest.Machine, want string) string {
	mask, ok := strings.CutPrefix(want, "own but ")
	if !ok {
		return want
	}
	bits := m.Sh(t, `printf %016x $((0x$(sed -n 's/^CapBnd:.//p' /proc/self/status) & ~0x`+mask+`))`)
	return bits + " " + bits + " " + bits
}

// A command is looked for in the sandbox, with its PATH and its user's rights;
// what is wrong is told with Docker's words and a shell's exit codes.
func TestLookup(t *testing.T) {
	for name, tt := range map[string]struct {
		arg, env, user string
		want           string
		code           int
	}{
		"not in PATH":          {arg: "nosuch", want: `exec: "nosuch": executable file not found in $PATH`, code: 127},
		"no PATH":              {arg: "true", env: "PATH=", want: `exec: "true": executable file not found in $PATH`, code: 127},
		"empty":                {arg: "", want: `exec: "": executable file not found in $PATH`, code: 127},
		"no such file":         {arg: "/nosuch", want: `exec: "/nosuch": stat /nosuch: no such file or directory`, code: 127},
		"below a file":         {arg: "/etc/passwd/x", want: `exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory`, code: 126},
		"not executable":       {arg: "/etc/passwd", want: `exec: "/etc/passwd": permission denied`, code: 126},
		"a directory":          {arg: "/etc", want: `exec: "/etc": is a directory`, code: 126},
		"no program":           {arg: "/d/junk", want: `exec: "/d/junk": exec format error`, code: 126},
		"no interpreter":       {arg: "/d/script", want: `exec: "/d/script": no such file or directory`, code: 127},
		"not for this user":    {arg: "/d/private", user: "nobody", want: `exec: "/d/private": permission denied`, code: 126},
		"by its directory":     {arg: "./program"},
		"in a directory added": {arg: "program", env: "PATH=/nosuch:/d"},
		"in the current one":   {arg: "program", env: "PATH=/nosuch:"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				dir := tempDir(t)
				write(t, dir+"/junk", "junk", 0o755)
				write(t, dir+"/script", "#!/nosuch\n", 0o755)
				write(t, dir+"/private", "#!/bin/sh\n", 0o700)
				write(t, dir+"/program", "#!/bin/sh\n", 0o755)
				c := config(tt.arg)
				c.Dir = "/d"
				c.Binds = []sandbox.Bind{{Source: dir, Target: "/d"}}
				c.User = tt.user
				if tt.env != "" {
					c.Env = []string{tt.env}
				}
				_, code, err := try(t, c)
				have := ""
				if e, ok := errors.AsType[*sandbox.ExecError](err); ok {
					have, code = e.Error(), e.ExitCode()
				} else if err != nil {
					t.Fatalf("%T %v", err, err)
				}
				if have != tt.want || code != tt.code {
					t.Errorf("%d %s, want %d %s", code, have, tt.code, tt.want)
				}
			})
		})
	}
}

// Another command joins the first one's world.
func TestExec(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := config()
		c.Hostname = "box"
		c.Files = map[string]string{"/etc/only-inside": "hello\n"}
		p := waiting(t, c)
		leak(t)
		write(t, "/proc/self/oom_score_adj", "500", 0o644)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1000, Max: 2000}); err != nil {
			t.Fatal(err)
		}
		here := m.Sh(t, "readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/net")
		for name, tt := range map[string]struct {
			cmd  sandbox.Command
			want string
		}{
			"files, names, processes": {cmd: shell("hostname; cat /etc/only-inside; cat /proc/1/comm; ls -d /run/*").Command, want: "box\nhello\nsleep\n/run/lock\n"},
			"namespaces":              {cmd: shell("for n in mnt pid net uts ipc cgroup; do test $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) || echo $n; done").Command},
			"environment":             {cmd: config("env").Command, want: path + "\nHOME=/root\n"},
			"capabilities":            {cmd: shell("sed -n 's/^CapEff:.//p' /proc/self/status").Command, want: "00000000a80425fb\n"},
			"descriptors":             {cmd: shell("ls -A /proc/$$/fd | head -3 | tr '\\n' ' '; readlink /proc/$$/fd/0 /proc/$$/cwd").Command, want: "0 1 2 /dev/null\n/\n"},
			"signals":                 {cmd: config("grep", "-E", "Sig(Blk|Ign)|ShdPnd", "/proc/self/status").Command, want: "ShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"},
			"a session of its own":    {cmd: shell(`set -- $$ $(cat /proc/$$/stat); test $1 = $6 -a $1 = $7; echo $? $8`).Command, want: "0 0\n"},
			"the caller's limit":      {cmd: shell("ulimit -Sn; ulimit -Hn").Command, want: "1000\n2000\n"},
			"a limit of open files":   {cmd: sandbox.Command{Args: []string{"sh", "-c", "ulimit -Sn; ulimit -Hn"}, Env: []string{path}, Limits: []sandbox.Limit{{Resource: unix.RLIMIT_NOFILE, Soft: 100, Hard: 200}}}, want: "100\n200\n"},
			"nobody's favourite":      {cmd: config("cat", "/proc/self/oom_score_adj").Command, want: "0\n"},
			"directory, user":         {cmd: sandbox.Command{Args: []string{"sh", "-c", "pwd; id -u; echo $HOME"}, Env: []string{path}, Dir: "/tmp", User: "nobody"}, want: "/tmp\n65534\n/nonexistent\n"},
		} {
			w, all := output(t)
			tt.cmd.Stdout, tt.cmd.Stderr = w, w
			e, err := sandbox.Exec(t.Context(), p.Pid, p.Start, tt.cmd)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if code, err := e.Wait(); code != 0 || err != nil {
				t.Errorf("%s: exit code %d, %v", name, code, err)
			}
			equal(t, name, all(), tt.want)
		}
		equal(t, "the caller's namespaces", m.Sh(t, "readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/net"), here)
		for arg, want := range map[string]int{"nosuch": 127, "/etc/passwd": 126} {
			_, err := sandbox.Exec(t.Context(), p.Pid, p.Start, sandbox.Command{Args: []string{arg}, Env: []string{path}})
			if e, ok := errors.AsType[*sandbox.ExecError](err); !ok || e.ExitCode() != want {
				t.Errorf("%s: %v", arg, err)
			}
		}
		_, err := sandbox.Exec(t.Context(), p.Pid, p.Start, sandbox.Command{Args: []string{"true"}, Env: []string{path}, Dir: "/nosuch"})
		if !errors.Is(err, unix.ENOENT) || err.Error() != `chdir to cwd ("/nosuch"): no such file or directory` {
			t.Error(err)
		}
	})
}

// A sandbox that has ended can't be joined, and takes those that joined along.
func TestExecEndsWithSandbox(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := waiting(t, config())
		e, err := sandbox.Exec(t.Context(), p.Pid, p.Start, config("sleep", "1000").Command)
		if err != nil {
			t.Fatal(err)
		}
		p.Signal(unix.SIGKILL)
		if code, err := e.Wait(); code != 137 || err != nil {
			t.Errorf("exit code %d, %v", code, err)
		}
		p.Wait()
		if _, err := sandbox.Exec(t.Context(), p.Pid, p.Start, config("true").Command); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestSysctls(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.Sh(t, "sysctl -n kernel.msgmax")
		c := shell("cat /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max")
		c.Sysctls = map[string]string{"kernel.msgmax": "9000", "fs.mqueue.msg_max": "21"}
		if out, code, err := try(t, c); out != "9000\n21" || code != 0 || err != nil {
			t.Errorf("%q, %d, %v", out, code, err)
		}
		if after := m.Sh(t, "sysctl -n kernel.msgmax"); after != before {
			t.Errorf("the host's own is %q now, not %q", after, before)
		}
		c.Sysctls = map[string]string{"kernel.msgmax": "many"}
		if _, _, err := try(t, c); err == nil || !strings.Contains(err.Error(), "/proc/sys/kernel/msgmax") {
			t.Errorf("a value that can't be: %v", err)
		}
	})
}

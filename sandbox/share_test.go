package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// A shared namespace is the caller's; the others stay new.
func TestShare(t *testing.T) {
	for name, tt := range map[string]struct {
		share sandbox.Share
		same  string // the namespaces that are the caller's
	}{
		"none": {sandbox.Share{}, ""},
		"PID":  {sandbox.Share{PID: true}, "pid"},
		"UTS":  {sandbox.Share{UTS: true}, "uts"},
		"IPC":  {sandbox.Share{IPC: true}, "ipc"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				script := "true"
				for _, n := range []string{"pid", "uts", "ipc", "mnt", "cgroup"} {
					ns, err := os.Readlink("/proc/self/ns/" + n)
					if err != nil {
						t.Fatal(err)
					}
					script += fmt.Sprintf("; test $(readlink /proc/self/ns/%s) != '%s' || echo %[1]s", n, ns)
				}
				c := shell(script)
				c.Hostname = "box"
				c.Share = tt.share
				equal(t, "the caller's", run(t, c), tt.same)
			})
		})
	}
}

// The caller's processes are to be seen and its name stays; what the command
// leaves behind ends with it.
func TestSharePID(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := shell(fmt.Sprintf("test -e /proc/%d/comm && echo sees; (setsid sleep 1000 >/dev/null 2>&1 &) ; until pgrep -x sleep >/dev/null; do :; done", os.Getpid()))
		c.Share.PID, c.Hostname = true, "box"
		equal(t, "inside", run(t, c), "sees")
		if out, code := m.Try("pgrep -x sleep"); code == 0 {
			t.Errorf("left behind: %s", out)
		}
	})
}

func TestShareUTS(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.Sh(t, "hostname; cat /proc/sys/kernel/domainname")
		c := shell("hostname; cat /proc/sys/kernel/domainname")
		c.Share.UTS, c.Hostname, c.Domainname = true, "box", "example.test"
		equal(t, "inside", run(t, c), before)
		equal(t, "outside", m.Sh(t, "hostname; cat /proc/sys/kernel/domainname"), before)
	})
}

// Shared memory and queues are those of the namespace.
func TestShareIPC(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir -p /dev/shm; mount -t tmpfs t /dev/shm; echo host >/dev/shm/x")
		c := shell("cat /dev/shm/x; echo box >/dev/shm/y")
		c.Share.IPC = true
		equal(t, "the caller's", run(t, c), "host")
		equal(t, "outside", m.Sh(t, "cat /dev/shm/y"), "box")

		c = shell("ls /dev/shm 2>&1 || ls /dev/mqueue")
		c.Share = sandbox.Share{NoShm: true}
		equal(t, "none", run(t, c), "ls: cannot access '/dev/shm': No such file or directory")

		donor := waiting(t, config())
		m.Sh(t, fmt.Sprintf("echo donor >/proc/%d/root/dev/shm/x", donor.Pid))
		c = shell("cat /dev/shm/x; readlink /proc/self/ns/ipc; hostname; grep -c ' /dev/shm .*noexec' /proc/mounts")
		c.Hostname = "own"
		c.Share.IPCOf = sandbox.Peer{Pid: donor.Pid, Start: donor.Start}
		equal(t, "another's", run(t, c), m.Sh(t, fmt.Sprintf("echo donor; readlink /proc/%d/ns/ipc; echo own; echo 1", donor.Pid)))
		c.Share.IPCOf.Start++
		if _, _, err := try(t, c); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("one that is not: %v", err)
		}
	})
}

// A /dev/shm that its sandbox has replaced leads nowhere else.
func TestShareHostileShm(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := config("sleep", "1000")
		c.Share.NoShm = true
		c.Caps.Add = []string{"SYS_ADMIN"}
		donor := waiting(t, c)
		shm := fmt.Sprintf("/proc/%d/root/dev/shm", donor.Pid)
		join := config("true")
		join.Share.IPCOf = sandbox.Peer{Pid: donor.Pid, Start: donor.Start}
		for _, tt := range [][2]string{{"nothing", "true"}, {"a link", "ln -s /proc/1/root/etc " + shm}, {"another file system", "rm -f " + shm}} {
			what, prepare := tt[0], tt[1]
			m.Sh(t, prepare)
			if what == "another file system" {
				e, err := sandbox.Exec(t.Context(), donor.Pid, donor.Start, sandbox.Command{
					Args: []string{"/bin/sh", "-c", "mkdir /dev/shm; mount --bind /etc /dev/shm"}, Env: []string{path}, Caps: c.Caps,
				})
				if err != nil {
					t.Fatal(err)
				}
				e.Wait()
			}
			if _, _, err := try(t, join); err == nil || errors.Is(err, unix.EPERM) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// A guest in the PID namespace of another sandbox sees its processes, and has
// all else of its own; it ends by itself, with its host or with its caller.
func TestGuest(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		host := waiting(t, config())
		guest := func(script string) sandbox.Config {
			c := shell(script)
			c.Share.PIDOf = sandbox.Peer{Pid: host.Pid, Start: host.Start}
			return c
		}
		c := guest(`cat /proc/1/comm; hostname; id -u; test $$ != 1; echo $PPID; touch /only-here
			set -- $$ $(cat /proc/$$/stat); test $1 = $6 -a $1 = $7 && echo session; for f in /proc/$$/fd/*; do echo ${f##*/}; done | sort -n | head -3 | tr '\n' ' '; cat /proc/keys; (echo >/proc/sys/kernel/panic) 2>/dev/null || echo read-only
			exec grep -E 'CapEff|Sig(Blk|Ign)' /proc/self/status`)
		c.Hostname, c.User = "guest", "0:7"
		equal(t, "inside", run(t, c), "sleep\nguest\n0\n0\nsession\n0 1 2 read-only\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nCapEff:\t00000000a80425fb")
		m.Sh(t, fmt.Sprintf("test ! -e /proc/%d/root/only-here", host.Pid))

		for script, want := range map[string]int{"exit 7": 7, "kill -TERM $$": 143, "(setsid sleep 4711 >/dev/null 2>&1 &) ; exit 3": 3} {
			if _, code, err := try(t, guest(script)); code != want || err != nil {
				t.Errorf("%s: %d, %v; want %d", script, code, err, want)
			}
		}
		if out, code := m.Try("pgrep -f 'sleep 471[1]'"); code == 0 {
			t.Errorf("left behind: %s", out)
		}
		c = guest("true")
		c.Args = []string{"nosuch"}
		if _, _, err := try(t, c); err == nil || err.Error() != `exec: "nosuch": executable file not found in $PATH` {
			t.Error(err)
		}
		write(t, "/run/junk", "junk", 0o755)
		c.Args, c.Binds = []string{"/d/junk"}, []sandbox.Bind{{Source: "/run/junk", Target: "/d/junk"}}
		if _, _, err := try(t, c); err == nil || err.Error() != `exec: "/d/junk": exec format error` {
			t.Error(err)
		}
		noZombies(t)

		p, err := start(t, guest("exec sleep 1000"))
		if err != nil {
			t.Fatal(err)
		}
		host.Signal(unix.SIGKILL) // it ends when those in its namespace have been waited for
		if code, err := p.Wait(); code != 137 || err != nil {
			t.Errorf("after its host's end: %d, %v", code, err)
		}
		host.Wait()
		if _, _, err := try(t, guest("true")); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("with a host that has ended: %v", err)
		}
	})
}

// A guest whose host ends in the last moment leaves no file open.
func TestGuestOfNobody(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		host := waiting(t, config())
		dir := tempDir(t)
		c := config("true")
		c.Share.PIDOf = sandbox.Peer{Pid: host.Pid, Start: host.Start}
		write(t, dir+"/passwd", "", 0o644)
		c.Binds = []sandbox.Bind{{Source: dir + "/passwd", Target: "/etc/passwd"}}
		h := hosttest.NewHold(t, dir+"/passwd") // read by a guest that has entered the PID namespace
		defer h.Release()
		ended := make(chan error)
		go func() {
			_, err := start(t, c)
			ended <- err
		}()
		h.Wait(t)
		host.Kill()
		h.Release()
		if err := <-ended; !errors.Is(err, unix.ENOMEM) {
			t.Errorf("%v, not what fork(2) says where PID 1 has ended", err)
		}
		if out := m.Sh(t, fmt.Sprintf("readlink /proc/%d/fd/* | grep ^mnt: || true", os.Getpid())); out != "" {
			t.Error("left open: " + out)
		}
	})
}

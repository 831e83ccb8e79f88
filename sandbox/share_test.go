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
		c.Share = sandbox.Share{}
		c.Share.IPCOf.Pid, c.Share.IPCOf.Start = donor.Pid, donor.Start
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
		join.Share.IPCOf.Pid, join.Share.IPCOf.Start = donor.Pid, donor.Start
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

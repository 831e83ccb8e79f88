package sandbox_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// A tmpfs is empty, the sandbox's own, and as its options say.
func TestTmpfs(t *testing.T) {
	for name, tt := range map[string]struct {
		tmpfs  sandbox.Tmpfs
		script string
		want   string
	}{
		"made, for everybody": {sandbox.Tmpfs{Target: "/srv/t"}, "stat -c %a /srv/t; grep -o ' /srv/t .*,relatime' /proc/mounts", "1777\n /srv/t tmpfs rw,nosuid,nodev,noexec,relatime"},
		"options": {
			sandbox.Tmpfs{Target: "/t", Options: []string{"size=1m", "mode=700", "uid=5", "exec", "suid", "noatime"}},
			"stat -c '%a %u' /t; grep -o '/t .*uid=5' /proc/mounts", "700 5\n/t tmpfs rw,nodev,noatime,size=1024k,mode=700,uid=5",
		},
		"the last word holds":           {sandbox.Tmpfs{Target: "/t", Options: []string{"ro", "rw", "exec", "noexec"}}, "touch /t/x; grep -o '/t .*noexec' /proc/mounts", "/t tmpfs rw,nosuid,nodev,noexec"},
		"read-only":                     {sandbox.Tmpfs{Target: "/t", Options: []string{"ro"}}, "touch /t/x 2>&1 || :", "touch: cannot touch '/t/x': Read-only file system"},
		"devices stay dead":             {sandbox.Tmpfs{Target: "/t", Options: []string{"dev"}}, "mknod -m 666 /t/null c 1 3; (echo >/t/null) 2>&1 || :", "sh: 1: cannot create /t/null: Permission denied"},
		"the mode of what it covers":    {sandbox.Tmpfs{Target: "/root"}, "stat -c %a /root; ls -A /root", "700"},
		"over a fresh one":              {sandbox.Tmpfs{Target: "/dev/shm", Options: []string{"size=1m"}}, "stat -fc '%S %b' /dev/shm; stat -c %a /dev/shm", "4096 256\n1777"},
		"the sandbox's files are there": {sandbox.Tmpfs{Target: "/etc"}, "ls /etc; cat /etc/hosts", "hosts\nmine"},
		"in a read-only one, too":       {sandbox.Tmpfs{Target: "/etc", Options: []string{"ro"}}, "cat /etc/hosts; touch /etc/x 2>/dev/null || echo sealed", "mine\nsealed"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				c := shell(tt.script)
				c.Files = map[string]string{"/etc/hosts": "mine\n"}
				c.Tmpfs = []sandbox.Tmpfs{tt.tmpfs}
				equal(t, tt.script, run(t, c), tt.want)
			})
		})
	}
}

// Binds and tmpfs stand in each other, in the order of their depth.
func TestTmpfsAmongBinds(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		m.Sh(t, "cd "+dir+"; mkdir in out out/t; touch in/file out/file out/t/hidden")
		c := shell("cd /b; ls . t t/in; touch t/new")
		c.Tmpfs = []sandbox.Tmpfs{{Target: "/b/t"}}
		c.Binds = []sandbox.Bind{{Source: dir + "/in", Target: "/b/t/in"}, {Source: dir + "/out", Target: "/b"}}
		equal(t, "inside", run(t, c), ".:\nfile\nt\n\nt:\nin\n\nt/in:\nfile")
		equal(t, "on the host", m.Sh(t, "ls "+dir+"/out/t"), "hidden")
	})
}

// What is no option is told before there is a sandbox; what the kernel refuses,
// with its reason.
func TestTmpfsErrors(t *testing.T) {
	bad := sandbox.Tmpfs{Target: "/t", Options: []string{"size=1m", "bogus", "size", "ro=1", "bind"}}
	const want = `invalid tmpfs option ["bogus" "size" "ro=1" "bind"]`
	if err := bad.Check(); err == nil || err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := config("true")
		c.Tmpfs = []sandbox.Tmpfs{{Target: "/t", Options: []string{"size=foo"}}}
		_, _, err := try(t, c)
		if !errors.Is(err, unix.EINVAL) || !strings.HasPrefix(err.Error(), `error mounting "tmpfs" to rootfs at "/t": invalid argument`) || !strings.Contains(err.Error(), "size") {
			t.Error(err)
		}
	})
}

// With a read-only root file system nothing of the host's is written to, nor
// of the layers, and what is mounted for writing still is.
func TestReadOnly(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		m.Sh(t, "cd "+dir+"; mkdir bind other; mount -t tmpfs t other; touch other/file")
		c := shell(`for f in /x /run/x ` + dir + `/other/x /etc/hosts /run/bound/x /t/x /dev/x /dev/shm/x /w/x; do
			touch $f 2>/dev/null && echo $f; done; cat /etc/hosts; umount /run 2>/dev/null || mount -o remount,rw / 2>/dev/null || echo sealed; pwd`)
		c.ReadOnly = true
		c.Dir = "/no/such/dir"
		c.Files = map[string]string{"/etc/hosts": "mine\n"}
		c.Tmpfs = []sandbox.Tmpfs{{Target: "/t"}, {Target: "/w"}}
		c.Binds = []sandbox.Bind{{Source: dir + "/bind", Target: "/run/bound"}}
		equal(t, "can be written", run(t, c), "/run/bound/x\n/t/x\n/dev/x\n/dev/shm/x\n/w/x\nmine\nsealed\n/no/such/dir")
	})
}

// The files of a read-only one can be changed from outside, by paths that don't
// lead out of it.
func TestWritable(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := config()
		c.ReadOnly = true
		c.Files = map[string]string{"/etc/hosts": "old\n"}
		p := waiting(t, c)
		root, err := sandbox.Writable(p.Pid, p.Start, "/")
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		fd, err := unix.Openat2(int(root.Fd()), "/etc/hosts", &unix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_XDEV})
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if _, err := unix.Write(fd, []byte("new")); err != nil {
			t.Fatal(err)
		}
		out, all := output(t)
		e, err := sandbox.Exec(t.Context(), p.Pid, p.Start, sandbox.Command{Args: []string{"/bin/sh", "-c", "cat /etc/hosts; touch /etc/hosts 2>/dev/null || echo sealed"}, Stdout: out})
		if err != nil {
			t.Fatal(err)
		}
		e.Wait()
		equal(t, "inside", all(), "new\nsealed\n")
	})
}

// A bind can leave out what is mounted below, or be read-only without that.
func TestBindsAlone(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		m.Sh(t, "cd "+dir+"; mkdir -p top/sub; mount -t tmpfs t top/sub; touch top/sub/below")
		c := shell("ls /alone/sub; touch /upper/x 2>/dev/null || echo sealed; touch /upper/sub/x")
		c.Binds = []sandbox.Bind{
			{Source: dir + "/top", Target: "/alone", Alone: true},
			{Source: dir + "/top", Target: "/upper", ReadOnly: true, Upper: true},
		}
		equal(t, "inside", run(t, c), "sealed")
		equal(t, "on the host", m.Sh(t, "ls "+dir+"/top "+dir+"/top/sub"), dir+"/top:\nsub\n\n"+dir+"/top/sub:\nbelow\nx")
	})
}

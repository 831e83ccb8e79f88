package sandbox_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// The host's files are seen, and what is written to them stays in the layers,
// for the next sandbox that gets these.
func TestRootIsCopyOnWrite(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		m.Sh(t, "cd "+dir+"; echo host >old; mkdir sub; touch sub/file")
		c := shell(fmt.Sprintf("cd %s; cat old; echo box >old; echo box >new; rm -r sub; touch /in-root", dir))
		c.Root.Layers = layers(t)
		equal(t, "sees", run(t, c), "host")
		equal(t, "the host's", read(t, dir+"/old"), "host\n")
		for _, gone := range []string{dir + "/new", "/in-root"} {
			if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s reached the host", gone)
			}
		}
		if _, err := os.Stat(dir + "/sub"); err != nil {
			t.Error(err)
		}
		c.Args[2] = fmt.Sprintf("cd %s; cat old new; ls -d /in-root sub 2>&1", dir)
		out, _, err := try(t, c)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the next one sees", out, "box\nbox\nls: cannot access 'sub': No such file or directory\n/in-root")
	})
}

// Each other file system of the host is seen copy-on-write, with its owner,
// mode and restrictions, whatever its name is; what overlay can't do is
// read-only.
func TestOtherFileSystems(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		m.Sh(t, fmt.Sprintf(`cd %s
			mkdir plain 'o:d,d na\me' ro; touch file source
			mount -t tmpfs -o mode=701,uid=7,nosuid,noexec t plain; mkdir plain/deep; mount -t tmpfs t plain/deep; touch plain/deep/file
			mount -t tmpfs t 'o:d,d na\me'; echo odd >'o:d,d na\me/file'
			mount -t tmpfs t ro; touch ro/file; mount -o remount,ro ro
			echo bound >source; mount --bind source file
			mkdir -p below/hidden; mount -t tmpfs t below/hidden; mount -t tmpfs t below; mount -t tmpfs t below; touch below/top
			mkdir proc; mount -t proc p proc`, dir))
		c := shell(fmt.Sprintf(`cd %s
			stat -c '%%u %%a' plain; ls plain plain/deep; touch plain/new plain/deep/new
			cat 'o:d,d na\me/file'; touch 'o:d,d na\me/new'
			ls ro; touch ro/new
			cat file; echo no >file
			ls below
			ls proc
			grep -o ' .*/plain .*nodev.*noexec' /proc/mounts | grep -co nosuid`, dir))
		equal(t, "inside", run(t, c), strings.Join([]string{
			"7 701", "plain:", "deep", "", "plain/deep:", "file", "odd", "file",
			"touch: cannot touch 'ro/new': Read-only file system", "bound",
			"sh: 5: cannot create file: Read-only file system", "top", "1",
		}, "\n"))
		equal(t, "on the host", m.Sh(t, "cd "+dir+"; find . -name new; cat file"), "bound")
	})
}

// A file system that does not answer is left out, and does not keep the
// command waiting.
func TestDeadFileSystem(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0) // nobody reads the questions
		if err != nil {
			t.Fatal(err)
		}
		defer fuse.Close()
		data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse.Fd())
		if err := unix.Mount("dead", dir, "fuse.dead", 0, data); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(dir, unix.MNT_DETACH)
		equal(t, "inside", run(t, config("ls", dir)), "")
	})
}

// What belongs to the caller's program is not to be seen: neither its
// directories, wherever they are mounted, nor the paths of the layers.
func TestHidden(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		m.Sh(t, fmt.Sprintf(`cd %s
			mkdir -p hidden again part run root; echo secret >hidden/secret; mkdir -p hidden/sub; echo secret >hidden/sub/secret; echo secret >/run/secret
			mount --bind . again; mount --bind hidden/sub part; mount --bind /run run`, dir))
		c := shell(fmt.Sprintf("cd %s; ls -A hidden again part run /run; grep -e layers -e %[1]s/hid /proc/mounts | grep -v '^tmpfs %[1]s/hidden '; umount hidden", dir))
		c.Root.Hide = []string{dir + "/hidden"}
		out, _, err := try(t, c)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "inside", out, "/run:\nlock\n\nagain:\n\nhidden:\n\npart:\n\nrun:\numount: "+dir+"/hidden: must be superuser to unmount.")
	})
}

// Another tree is the whole of the root, and is never written to; its symbolic
// links lead to itself, not to the host.
func TestOtherRoot(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		root := tempDir(t)
		m.Sh(t, fmt.Sprintf(`cd %s
			mkdir etc host run; ln -s ../../../../../../run etc-link; ln -s /run/target bind
			for f in sh ls cat touch id; do p=$(command -v $f); cp --parents $p $(ldd $p | grep -o '/[^ )]*') .; done
			echo 'me:x:7:8::/home/me:/bin/sh' >etc/passwd; touch run/of-the-tree`, root))
		c := shell("ls -d /root; ls /run; id; echo $HOME; cat /etc-link/hosts; ls /run/target; touch /new /etc/new || :")
		c.Root.Dir = root
		c.User = "me"
		c.Files = map[string]string{"/etc-link/hosts": "127.0.0.1 localhost\n"}
		source := tempDir(t)
		write(t, source+"/bound", "", 0o644)
		c.Binds = []sandbox.Bind{{Source: source, Target: "/bind"}}
		before := m.Sh(t, "find "+root+" | sort")
		equal(t, "inside", run(t, c), strings.Join([]string{
			"ls: cannot access '/root': No such file or directory", "hosts", "of-the-tree", "target",
			"uid=7(me) gid=8 groups=8", "/home/me", "127.0.0.1 localhost", "bound",
			"touch: cannot touch '/new': Permission denied", "touch: cannot touch '/etc/new': Permission denied",
		}, "\n"))
		equal(t, "the tree", m.Sh(t, "find "+root+" | sort"), before)
		equal(t, "the host's /run", m.Sh(t, "ls -d /run/hosts /run/target 2>/dev/null || true"), "")
	})
}

// What can't be made is told in one line, with the errno behind it.
func TestSetupError(t *testing.T) {
	for text, tt := range map[string]struct {
		set   func(*sandbox.Config)
		errno error
	}{
		`root file system "/no/such/root": no such file or directory`: {
			func(c *sandbox.Config) { c.Root.Dir = "/no/such/root" }, unix.ENOENT,
		},
		`root file system "/etc/passwd": not a directory`: {
			func(c *sandbox.Config) { c.Root.Dir = "/etc/passwd" }, unix.ENOTDIR,
		},
		"Cannot mkdir: /etc/passwd is not a directory": {
			func(c *sandbox.Config) { c.Dir = "/etc/passwd" }, unix.ENOTDIR,
		},
		"mount --rbind /no/such/source: no such file or directory": {
			func(c *sandbox.Config) { c.Binds = []sandbox.Bind{{Source: "/no/such/source", Target: "/x"}} }, unix.ENOENT,
		},
		"mount file /etc/passwd on /run: is a directory": {
			func(c *sandbox.Config) { c.Binds = []sandbox.Bind{{Source: "/etc/passwd", Target: "/run"}} }, unix.EISDIR,
		},
		"mount directory /srv on /etc/passwd: not a directory": {
			func(c *sandbox.Config) { c.Binds = []sandbox.Bind{{Source: "/srv", Target: "/etc/passwd"}} }, unix.ENOTDIR,
		},
	} {
		t.Run(text, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				c := config("true")
				tt.set(&c)
				_, _, err := try(t, c)
				if _, ok := errors.AsType[*sandbox.SetupError](err); !ok || !errors.Is(err, tt.errno) || err.Error() != text {
					t.Errorf("%T %v", err, err)
				}
			})
		})
	}
}

// Files take the place of what is there: on many hosts /etc/resolv.conf is a
// symbolic link into /run, on some a mount.
func TestFiles(t *testing.T) {
	for name, prepare := range map[string]string{
		"a file":                  "printf host >/etc/resolv.conf",
		"a symbolic link":         "umount /etc/resolv.conf; rm /etc/resolv.conf; printf host >/run/of-the-host; ln -s ../run/of-the-host /etc/resolv.conf",
		"a dangling one":          "umount /etc/resolv.conf; rm /etc/resolv.conf; ln -s ../run/nowhere /etc/resolv.conf",
		"nothing":                 "umount /etc/resolv.conf; rm /etc/resolv.conf",
		"a mount of another file": "printf host >/run/other; mount --bind /run/other /etc/resolv.conf",
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				// The machine's /etc is the one of the machine that runs the tests.
				m.Sh(t, "mount -t tmpfs t /mnt; cp -a /etc/passwd /etc/group /mnt; touch /mnt/resolv.conf; mount --bind /mnt /etc; mount --bind /mnt/resolv.conf /etc/resolv.conf; "+prepare)
				before := m.Sh(t, "ls -l /etc; cat /etc/resolv.conf || true")
				c := shell("cat /etc/resolv.conf; stat -c '%F %a %U' /etc/resolv.conf; ls -A /etc")
				c.Files = map[string]string{"/etc/resolv.conf": "nameserver 192.0.2.7\n"}
				equal(t, "inside", run(t, c), "nameserver 192.0.2.7\nregular file 644 root\ngroup\npasswd\nresolv.conf")
				equal(t, "the host's", m.Sh(t, "ls -l /etc; cat /etc/resolv.conf || true"), before)
			})
		})
	}
}

// Binds show the host's own files, in the order of their depth.
func TestBinds(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := tempDir(t)
		m.Sh(t, "cd "+dir+"; mkdir rw ro; echo file >file; mkdir ro/sub; mount -t tmpfs t ro/sub; mknod -m 666 rw/null c 1 3")
		c := shell("cd /b; echo box >rw/new; touch rw/deep/new ro/new ro/sub/new; cat file; echo x >rw/null; echo x >file")
		c.Binds = []sandbox.Bind{
			{Source: dir + "/ro/sub", Target: "/b/rw/deep"},
			{Source: dir + "/rw", Target: "/b/rw"},
			{Source: dir + "/ro", Target: "/b/ro", ReadOnly: true},
			{Source: dir + "/file", Target: "/b/file", ReadOnly: true},
		}
		m.Sh(t, "mkdir "+dir+"/rw/deep")
		out, _, err := try(t, c)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "inside", out, strings.Join([]string{
			"touch: cannot touch 'ro/new': Read-only file system", "touch: cannot touch 'ro/sub/new': Read-only file system", "file",
			"sh: 1: cannot create rw/null: Permission denied", "sh: 1: cannot create file: Read-only file system",
		}, "\n"))
		equal(t, "on the host", m.Sh(t, "cd "+dir+"; cat rw/new; ls rw/deep ro ro/sub"), "box\nro:\nsub\n\nro/sub:\nnew\n\nrw/deep:")
	})
}

package sandbox_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
	"golang.org/x/sys/unix"
)

// linkedRoot is a root file system with a few links: out, to what is not there, in
// circles, into what the sandbox has of its own.
func linkedRoot(t *testing.T, m *hosttest.Machine) string {
	root := tempDir(t)
	m.Sh(t, "cd "+root+`
mkdir -p bin etc dev proc sys; cp "$(command -v busybox)" bin/; for a in sh cat grep ln ls mkdir pwd rm touch; do ln -s busybox bin/$a; done
ln -s /not/there nowhere; ln -s ../../../../../run/secret up; ln -s loop loop; ln -s /proc/sys insys; ln -s /proc proc2; ln -s /dev dev2; ln -s /sys/kernel kernel
ln -s nowhere/deep far`)
	return root
}

// A target is found as runc finds it: links lead where they would in the
// sandbox, what is missing there is made, and the host's files stay as they are.
func TestTargetsBelowLinks(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		root := linkedRoot(t, m)
		source := tempDir(t)
		write(t, source+"/f", "from the host", 0o644)
		m.Sh(t, "mkdir /run/secret; echo untouched >/run/secret/f")
		for target, at := range map[string]string{
			"/nowhere": "/not/there", "/nowhere/y": "/not/there/y", "/far/y": "/not/there/deep/y", "/up": "/run/secret",
			"/kernel": "/sys/kernel",
		} {
			c := shell("cat " + at + "/f; grep -c ' " + at + " ' /proc/mounts; pwd")
			c.Root.Dir = root
			c.Dir = "/nowhere/w"
			c.Binds = []sandbox.Bind{{Source: source, Target: target}}
			equal(t, target, run(t, c), "from the host1\n/not/there/w")
			c.Dir, c.Binds, c.Tmpfs = "", nil, []sandbox.Tmpfs{{Target: target}}
			c.Args[2] = "touch " + at + "/x; ls " + at + "; grep -c '^tmpfs " + at + " ' /proc/mounts"
			equal(t, "tmpfs on "+target, run(t, c), "x\n1")
		}
		c := shell("cat /not/there/file")
		c.Root.Dir = root
		c.Binds = []sandbox.Bind{{Source: source + "/f", Target: "/nowhere/file"}}
		equal(t, "a file", run(t, c), "from the host")
		equal(t, "the host's", m.Sh(t, "ls -A /run/secret; cat /run/secret/f; ls -d /not /run/x 2>&1 | grep -c 'No such'"), "f\nuntouched\n2")
		if _, err := os.Stat(root + "/not"); err == nil {
			t.Error("it was made in the root file system below")
		}
	})
}

// What a command is told by /proc, and writes to its devices, is nobody else's.
func TestTargetsRefused(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		root := linkedRoot(t, m)
		source := tempDir(t)
		write(t, source+"/f", "from the host", 0o644)
		m.Sh(t, "mkdir "+source+"/d; touch "+source+"/d/null")
		refused := func(source, target, at, why string) string {
			return `error mounting "` + source + `" to rootfs at "` + target + `": "` + at + `" cannot be mounted because it is ` + why
		}
		noNull := `error mounting "` + source + `" to rootfs at "/dev": stat /dev/null: no such file or directory (it has to have the devices in it)`
		for _, tt := range []struct{ source, target, says string }{
			{source, "/proc", refused(source, "/proc", "/proc", "not of type proc")},
			{"/proc/sys", "/proc", refused("/proc/sys", "/proc", "/proc", "not of type proc")},
			{source, "/proc/sys", refused(source, "/proc/sys", "/proc/sys", "inside /proc")},
			{source + "/f", "/proc/1/status", refused(source+"/f", "/proc/1/status", "/proc/1/status", "inside /proc")},
			{source + "/f", "/insys/kernel/x", refused(source+"/f", "/insys/kernel/x", "/proc/sys/kernel/x", "inside /proc")},
			{source, "/proc2", refused(source, "/proc2", "/proc", "not of type proc")},
			{"", "/insys", refused("tmpfs", "/insys", "/proc/sys", "inside /proc")},
			{"", "/proc", refused("tmpfs", "/proc", "/proc", "not of type proc")},
			{source + "/f", "/proc/uptime", ""},
			{source + "/f", "/proc2/stat", ""},
			{source, "/proc/uptime", "mount directory " + source + " on /proc/uptime: not a directory"},
			{source, "/loop", "follow /loop: too many levels of symbolic links"},
			{source, "/dev", noNull},
			{source + "/d", "/dev", ""}, // the device comes over it
			{source + "/d", "/dev2", ""},
			{"", "/dev", `error mounting "tmpfs" to rootfs at "/dev": stat /dev/null: no such file or directory (it has to have the devices in it)`},
			{source + "/f", "/dev/null", ""},
			{source, "/sys", ""},
			{source, "/sys/nosuch", "mkdir /sys/nosuch: read-only file system"},
		} {
			c := shell("true")
			c.Root.Dir = root
			if tt.source != "" {
				c.Binds = []sandbox.Bind{{Source: tt.source, Target: tt.target}}
			} else {
				c.Tmpfs = []sandbox.Tmpfs{{Target: tt.target}}
			}
			c.Root.Layers = layers(t)
			_, _, err := try(t, c)
			says := ""
			if err != nil {
				says = err.Error()
			}
			equal(t, tt.source+" on "+tt.target, says, tt.says)
		}
		equal(t, "what was written", read(t, source+"/d/null"), "")
	})
}

// The host's /proc and /sys may be bound over the sandbox's own, which hides no
// more of them.
func TestBindOfProc(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := shell("cat /proc/keys; (echo 0 >/proc/sys/net/ipv4/ip_forward) 2>&1 | grep -o Read-only; ls /sys/firmware; cat /proc/1/comm")
		c.Binds = []sandbox.Bind{{Source: "/proc", Target: "/proc"}, {Source: "/sys", Target: "/sys"}}
		equal(t, "shows", run(t, c), "Read-only\n"+strings.TrimSpace(m.Sh(t, "cat /proc/1/comm")))
	})
}

// Whoever writes where a target lies can make it a link once it has been looked
// at: then nothing is mounted.
func TestTargetThatBecomesALink(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir -p /run/t/source /run/t/shared; ln -s /proc /run/t/shared/link; ln -s /run/t/shared /run/t/way; mkdir /run/t/shared/dir")
		before := m.Sh(t, "cat /proc/mounts")
		for at, want := range map[string]error{"/run/t/shared/link": unix.ENOTDIR, "/run/t/way/dir": unix.ELOOP} {
			if err := sandbox.AttachAt("/run/t/source", at); !errors.Is(err, want) {
				t.Errorf("%s: %v", at, err)
			}
		}
		equal(t, "mounts", m.Sh(t, "cat /proc/mounts"), before)
	})
}

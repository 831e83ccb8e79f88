package sandbox_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// /proc, /sys, /dev and /run are as in a Docker container.
func TestFreshDirectories(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"masked": {
			"exec 2>/dev/null; cat /proc/kcore /proc/keys /proc/timer_list; ls -A /proc/acpi /proc/scsi /sys/firmware",
			"/proc/acpi:\n\n/sys/firmware:",
		},
		"read-only": {
			"echo 1 >/proc/sys/kernel/panic; echo 1 >/proc/irq/default_smp_affinity; mkdir /sys/x || :",
			"sh: 1: cannot create /proc/sys/kernel/panic: Read-only file system\n" +
				"sh: 1: cannot create /proc/irq/default_smp_affinity: Read-only file system\n" +
				"mkdir: cannot create directory '/sys/x': Read-only file system",
		},
		"devices":         {"echo $(ls /dev)", "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"},
		"links":           {"cd /dev; readlink fd stdin stdout stderr ptmx", "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx"},
		"usable devices":  {"head -c 3 /dev/zero | od -An -tx1; echo x >/dev/null; head -c 1 /dev/urandom | wc -c", "00 00 00\n1"},
		"terminals":       {"ls /dev/pts; stat -c %a /dev/pts/ptmx; echo x >/dev/stdout", "ptmx\n666\nx"},
		"shared memory":   {"echo x >/dev/shm/x; df -k --output=size /dev/shm | tail -1", "65536"},
		"modes":           {"stat -c '%n %a' /run /run/lock /dev/shm /dev/mqueue", "/run 755\n/run/lock 1777\n/dev/shm 1777\n/dev/mqueue 1777"},
		"an empty run":    {"ls /run", "lock"},
		"modes of nodes":  {"chmod 666 /dev/null || touch -a /dev/zero", "chmod: changing permissions of '/dev/null': Read-only file system\ntouch: setting times of '/dev/zero': Read-only file system"},
		"no made devices": {"mknod /x c 1 3 && echo x >/x", "sh: 1: cannot create /x: Permission denied"},
		"devices nowhere else": {
			`awk '$2 != "/dev/pts" && $2 !~ "^/dev/[a-z]+$" && $2 !~ "^/proc/" && $4 !~ /nodev/' /proc/mounts`,
			"",
		},
		"no administration": {"exec 2>/dev/null; mount -t tmpfs t /mnt || umount /sys || hostname x || echo refused", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				out, _, err := try(t, shell(tt.script))
				if err != nil {
					t.Fatal(err)
				}
				equal(t, tt.script, out, tt.want)
			})
		})
	}
}

// A privileged sandbox has the host's devices, and all of /proc and /sys.
func TestPrivileged(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := shell("test -c /dev/kmsg; test -c /dev/net/tun; echo x >/dev/null; sysctl -qw kernel.domainname=x; ls /sys/firmware | grep -c . ; mount -t tmpfs t /mnt; mount -o remount,rw /sys")
		c.Caps.Privileged = true
		if run(t, c) == "0" {
			t.Error("/sys/firmware is empty")
		}
	})
}

// The network namespace that comes with the go is the command's, and the one
// that /sys shows.
func TestNetns(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ip netns add web; ip -n web link add only-here type bridge")
		script := "ls /sys/class/net; sed -n 's/ *\\(.*\\):.*/\\1/p' /proc/net/dev | sort"
		netns, err := plan.NS("web").Open()
		if err != nil {
			t.Fatal(err)
		}
		defer netns.Close()
		w, all := output(t)
		c := shell(script)
		c.Stdout, c.Stderr, c.Root.Layers = w, w, layers(t)
		p, err := sandbox.Start(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Go(t.Context(), netns); err != nil {
			t.Fatal(err)
		}
		p.Wait()
		equal(t, "own namespace", all(), "lo\nonly-here\nlo\nonly-here\n")
		equal(t, "the caller's", run(t, shell(script)), "lo\nuplink\nlo\nuplink")
	})
}

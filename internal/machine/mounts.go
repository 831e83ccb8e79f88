package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	hosts      = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n192.0.2.1\thost\n"
	resolvConf = "nameserver 192.0.2.2\nsearch example.test\n"
)

// mounts gives the machine its own view of the kernel and of what changes while
// it runs; the rest of the file system is shared with the real machine.
func mounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := os.MkdirAll("/var/lib/minibridge", 0o700); err != nil {
		return err
	}
	const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	for _, m := range []struct {
		path, fstype, options string
		flags                 uintptr
	}{
		{"/proc", "proc", "", quiet},
		{"/sys", "sysfs", "", quiet}, // shows the devices of the network namespace that mounts it
		{"/run", "tmpfs", "mode=755", unix.MS_NOSUID | unix.MS_NODEV},
		{"/var/lib/minibridge", "tmpfs", "mode=700", unix.MS_NOSUID | unix.MS_NODEV},
	} {
		// The old one goes, rather than being covered: who lists the mounts
		// of the machine shall find each place once. EINVAL: none there.
		err := unix.Unmount(m.path, unix.MNT_DETACH)
		if err == nil || errors.Is(err, unix.EINVAL) {
			err = unix.Mount(m.fstype, m.path, m.fstype, m.flags, m.options)
		}
		if err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.fstype, m.path, err)
		}
	}
	if err := os.Mkdir("/run/lock", 0o1777); err != nil {
		return err
	}
	if err := etc("hosts", hosts); err != nil {
		return err
	}
	return etc("resolv.conf", resolvConf)
}

// etc gives a file of /etc another content. A link into /run, as
// systemd-resolved makes it, points to nothing by now: its target is written.
func etc(name, content string) error {
	path := filepath.Join("/etc", name)
	if target, err := os.Readlink(path); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join("/etc", target)
		}
		if path = filepath.Clean(target); strings.HasPrefix(path, "/run/") {
			return write(path, content)
		}
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := write(path, ""); err != nil {
			return err
		}
	}
	source := filepath.Join("/run/etc", name)
	if err := write(source, content); err != nil {
		return err
	}
	if err := unix.Mount(source, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, path, err)
	}
	return nil
}

func write(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

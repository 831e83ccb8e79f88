package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mountFresh makes /proc, /dev and, over the host's own tree, /run. /sys waits
// for the network namespace.
func (o *order) mountFresh(devices []device) error {
	if err := o.mountProc(); err != nil {
		return err
	}
	if err := o.mountDev(devices); err != nil {
		return err
	}
	if o.ofHost() {
		if err := mountRun(); err != nil {
			return err
		}
	}
	return o.guardProc()
}

// mountRun gives programs the /run of a machine on which nothing runs yet.
func mountRun() error {
	if err := mount("tmpfs", "/run", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	return os.Mkdir("/run/lock", 0o777|fs.ModeSticky)
}

// What Docker withholds of /proc: what tells of the host or its hardware is
// masked, what changes the kernel can't be written.
var (
	MaskedPaths = []string{
		"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
		"/sys/devices/virtual/powercap",
	}
	ReadonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// guardProc withholds these, unless the sandbox is to have it all. /sys is not there yet: its part has its turn in
// [mountSys].
func (o *order) guardProc() error {
	if o.Caps.Privileged || o.Unmasked {
		return nil
	}
	for _, path := range MaskedPaths {
		if !strings.HasPrefix(path, "/proc/") {
			continue
		}
		if err := mask(path); err != nil {
			return err
		}
	}
	for _, path := range ReadonlyPaths {
		err := unix.Mount(path, path, "", unix.MS_BIND, "")
		if err == unix.ENOENT {
			continue
		}
		if err == nil {
			const flags = unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
			err = unix.Mount("", path, "", flags, "")
		}
		if err != nil {
			return fmt.Errorf("make %s read-only: %w", path, err)
		}
	}
	return nil
}

// mask covers files with /dev/null, directories with an empty one.
func mask(paths ...string) error {
	for _, path := range paths {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		case info.IsDir():
			err = unix.Mount("tmpfs", path, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=4k")
		default:
			err = unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("mask %s: %w", path, err)
		}
	}
	return nil
}

// mountSys makes /sys. /sys/class/net shows the network namespace of the
// process that mounts it.
func (o *order) mountSys() error {
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if o.Caps.Privileged {
		return mount("sysfs", "/sys", flags, "")
	}
	if err := mount("sysfs", "/sys", flags|unix.MS_RDONLY, ""); err != nil {
		return err
	}
	return o.guardSys()
}

// guardSys withholds what tells of the hardware, unless the sandbox is to have
// it all.
func (o *order) guardSys() error {
	if o.Caps.Privileged || o.Unmasked {
		return nil
	}
	return mask("/sys/firmware", "/sys/devices/virtual/powercap")
}

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// keepDevices keeps the devices and terminals of the sandbox, where a bind is
// about to cover them by others, which are dead there (see [openBinds]).
func (o *order) keepDevices(b bound) error {
	if b.at != "/dev" || o.Caps.Privileged || len(o.devices) > 0 {
		return nil
	}
	for _, path := range append(deviceNames(), "/dev/pts", "/dev/ptmx") {
		t, err := openTree(path, 0, 0)
		if err != nil {
			return err
		}
		o.devices = append(o.devices, t)
	}
	return nil
}

// putBack mounts them again, each in the place of one of its kind: nothing is
// made in what is bound.
func (o *order) putBack() error {
	for _, t := range o.devices {
		info, err := os.Lstat(t.Name())
		if err != nil || info.IsDir() != t.isDir || info.Mode()&fs.ModeSymlink != 0 {
			t.Close()
			continue
		}
		if err := t.attach(t.Name()); err != nil {
			return err
		}
	}
	return nil
}

// checkDev refuses what was mounted over /dev and lacks the one device that
// nothing does without: what is written to a file of its name would be kept, in
// the host's own directory perhaps.
func (o *order) checkDev() error {
	if o.overDev == "" {
		return nil
	}
	var st unix.Stat_t
	err := unix.Stat("/dev/null", &st)
	if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(1, 3)) {
		err = errors.New("not the device")
	}
	if err != nil {
		return fmt.Errorf("error mounting %q to rootfs at \"/dev\": stat /dev/null: %w (it has to have the devices in it)", o.overDev, err)
	}
	return nil
}

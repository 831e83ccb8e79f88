package sandbox

import (
	"io/fs"
	"os"
	"slices"
)

// keptDevices are the devices and terminals of the sandbox, where a bind is about
// to cover them by others, which are dead there (see [openBinds]).
func (o *order) keptDevices(binds []bound) (all []tree, err error) {
	over := func(b bound) bool { return b.target == "/dev" && !b.tmpfs }
	if o.Caps.Privileged || !slices.ContainsFunc(binds, over) {
		return nil, nil
	}
	for _, path := range append(deviceNames(), "/dev/pts", "/dev/ptmx") {
		t, err := openTree(path, 0, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// putBack mounts them again, each in the place of one of its kind: nothing is
// made in what is bound.
func putBack(devices []tree) error {
	for _, t := range devices {
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

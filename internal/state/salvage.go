package state

import (
	"errors"
	"io/fs"
	"os"
)

// Salvage removes what would keep everybody from the lock: what stands in the
// place of a file that who takes it needs, and can't be read. It tells of each.
// Journals and the kernel still say what there is to take down.
func (d Dirs) Salvage(tell func(error)) error {
	var errs []error
	_, err := d.readWorld()
	errs = append(errs, discard(d.worldFile(), err, tell))
	for _, file := range []string{d.lockFile(), d.toolsFile(), d.holderFile()} {
		f, err := Open(file, os.O_RDONLY)
		if err == nil {
			err = f.Close()
		}
		errs = append(errs, discard(file, err, tell))
	}
	return errors.Join(errs...)
}

func discard(file string, err error, tell func(error)) error {
	if _, unreadable := errors.AsType[*RecordError](err); unreadable {
		if os.Remove(file) != nil {
			return err // a folder that has something in it is none of ours
		}
		tell(err)
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

package nat

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// dumpTries is how often an interrupted dump is asked for again: a busy host
// changes what it has while that is listed.
const dumpTries = 5

// whole asks the kernel for a list until it is not interrupted by a change.
func whole[T any](dump func() (T, error)) (list T, err error) {
	for range dumpTries {
		list, err = dump()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}

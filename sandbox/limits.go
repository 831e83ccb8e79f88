package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A Limit is one resource's two values of getrlimit(2); math.MaxUint64 is none.
type Limit struct {
	Resource   int // RLIMIT_NOFILE and the like
	Soft, Hard uint64
}

// raiseLimits gives the hard limits room, for which it takes powers that the
// command may not have. The soft ones stay for now: what is still to be done
// may need more than the command gets.
func (o *order) raiseLimits() error {
	for _, l := range o.Limits {
		var now unix.Rlimit
		if err := unix.Getrlimit(l.Resource, &now); err != nil {
			return l.failed(err)
		}
		if l.Hard <= now.Max {
			continue
		}
		now.Max = l.Hard
		if err := unix.Setrlimit(l.Resource, &now); err != nil {
			return l.failed(err)
		}
	}
	return nil
}

// limit sets them as they were asked for.
func (o *order) limit() error {
	for _, l := range o.Limits {
		if err := unix.Setrlimit(l.Resource, &unix.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return l.failed(err)
		}
	}
	return nil
}

func (l Limit) failed(err error) error {
	return fmt.Errorf("error setting rlimit type %d: %w", l.Resource, err)
}

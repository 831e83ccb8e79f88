package bridge

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// in calls f with a netlink socket that was opened inside ns: a socket stays
// in its namespace.
func in(ns plan.NS, f func(*netlink.Handle) error) error {
	var h *netlink.Handle
	err := ns.Do(func() (err error) {
		if h, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			return fmt.Errorf("netlink socket: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer h.Close()
	return f(h)
}

// tries is how often a list is read until no change came in between. Ten
// containers starting at once interrupt a dump twice at most.
const tries = 10

// again calls f until it isn't interrupted: [netlink.ErrDumpInterrupted], half
// a list, is EINTR too. Half a list must not decide anything, so after the
// last try the error stays.
func again[T any](f func() (T, error)) (T, error) {
	for range tries - 1 {
		if v, err := f(); !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
	return f()
}

package hosttest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience is how long something that must come may take on a busy machine.
const patience = 5 * time.Second

// WaitNoLink waits until the host has no device of that name. A network
// namespace's devices go some time after its name.
func (m *Machine) WaitNoLink(t TB, name string) {
	t.Helper()
	err := await(func() (bool, error) {
		_, err := netlink.LinkByName(name)
		if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		t.Fatalf("link %s is still there: %v", name, err)
	}
}

// WaitState waits until the machine's state is want, and says what is different
// if it does not come to that.
func (m *Machine) WaitState(t TB, want string) {
	t.Helper()
	if err := waitState(want, all); err != nil {
		t.Fatalf("state of the machine: %v", err)
	}
}

// all is the whole state; typed is what commands can make of it: the private
// name that proves whose a namespace is has none.
func all(state string) string { return state }

func typed(state string) string { return pin.ReplaceAllString(state, "") }

var pin = regexp.MustCompile(`(?m)^mount /run/minibridge/\S* nsfs\b.*\n`)

// waitState waits until the view of the state is want.
func waitState(want string, view func(string) string) error {
	want = view(want)
	var have string
	err := await(func() (bool, error) {
		s, err := state()
		have = view(s)
		return have == want, err
	})
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, Diff(want, have))
	}
	return nil
}

var errLate = fmt.Errorf("not so within %v", patience)

// await calls done after each change of a link, and now and then for what
// links do not tell, until it is true.
func await(done func() (bool, error)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		return err
	}
	for late := time.Now().Add(patience); ; {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(late) {
			return errLate
		}
		const nowAndThen = 20 // milliseconds
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, nowAndThen); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for err := error(nil); err == nil; { // what the news is does not matter
			_, _, err = unix.Recvfrom(fd, make([]byte, 1<<14), 0)
		}
	}
}

// Diff shows the lines of two states that are not in the other, or else the
// first that is in another place.
func Diff(want, have string) string {
	w, h := strings.Split(want, "\n"), strings.Split(have, "\n")
	var b strings.Builder
	for _, line := range w {
		if !slices.Contains(h, line) {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	for _, line := range h {
		if !slices.Contains(w, line) {
			fmt.Fprintf(&b, "+ %s\n", line)
		}
	}
	if b.Len() > 0 {
		return b.String()
	}
	for i := range min(len(w), len(h)) {
		if w[i] != h[i] {
			return fmt.Sprintf("in another order, from here:\n- %s\n+ %s\n", w[i], h[i])
		}
	}
	return ""
}

package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"
)

// Caps says which capabilities (capabilities(7)) differ from the default set.
// Names are as in --cap-add: NET_ADMIN, cap_net_admin, ALL.
type Caps struct {
	Add, Drop  []string
	Privileged bool // all of them, and no part of /proc, /sys and /dev withheld
}

// defaultCaps are what Docker leaves to a container.
var defaultCaps = makeCapSet(
	capability.CAP_CHOWN, capability.CAP_DAC_OVERRIDE, capability.CAP_FSETID, capability.CAP_FOWNER,
	capability.CAP_MKNOD, capability.CAP_NET_RAW, capability.CAP_SETGID, capability.CAP_SETUID,
	capability.CAP_SETFCAP, capability.CAP_SETPCAP, capability.CAP_NET_BIND_SERVICE,
	capability.CAP_SYS_CHROOT, capability.CAP_KILL, capability.CAP_AUDIT_WRITE,
)

const allCaps = ^capSet(0)

// A capSet has one bit a capability, by number, as in /proc/PID/status.
type capSet uint64

func makeCapSet(caps ...capability.Cap) capSet {
	var s capSet
	for _, c := range caps {
		s |= 1 << c
	}
	return s
}

// set works the flags out: with ALL added, all but the dropped; with ALL
// dropped, only the added; else the default without the dropped and with the
// added, an addition winning.
func (c Caps) set() (capSet, error) {
	add, err := parseCaps("CapAdd", c.Add)
	if err != nil {
		return 0, err
	}
	drop, err := parseCaps("CapDrop", c.Drop)
	switch {
	case err != nil:
		return 0, err
	case c.Privileged:
		return allCaps, nil
	case add == allCaps && drop != allCaps:
		return allCaps &^ drop, nil
	}
	return defaultCaps&^drop | add, nil
}

// Check says, with Docker's text, which name is no capability.
func (c Caps) Check() error {
	_, err := c.set()
	return err
}

// CapNames writes names of capabilities in full: net_admin is CAP_NET_ADMIN.
func CapNames(names []string) []string {
	var full []string
	for _, name := range names {
		name = strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		if name != "ALL" {
			name = "CAP_" + name
		}
		full = append(full, name)
	}
	return full
}

func parseCaps(flag string, names []string) (capSet, error) {
	var s capSet
	known := capability.ListKnown()
	for _, name := range names {
		name = strings.TrimPrefix(strings.ToLower(name), "cap_")
		if name == "all" {
			s = allCaps
			continue
		}
		i := slices.IndexFunc(known, func(c capability.Cap) bool { return c.String() == name })
		if i < 0 {
			return 0, fmt.Errorf("invalid %s: unknown capability: %q", flag, "CAP_"+strings.ToUpper(name))
		}
		s |= 1 << known[i]
	}
	return s, nil
}

// bound takes the others out of the calling thread's bounding set: no program
// that is executed from here on can regain them.
func (s capSet) bound() error {
	last, err := capability.LastCap()
	if err != nil {
		return err
	}
	for c := capability.Cap(0); c <= last; c++ {
		if s&(1<<c) != 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("drop %s: %w", c, err)
		}
	}
	return nil
}

// hold leaves the calling thread no more than the set of what it has. A user
// other than root has nothing by then. Nothing is inheritable, as that would
// lend power to files that name it.
func (s capSet) hold() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	for i := range data {
		data[i].Permitted &= uint32(s >> (32 * i))
		data[i].Effective = data[i].Permitted
		data[i].Inheritable = 0
	}
	if err := unix.Capset(&head, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}

package engine

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// internalLinks tells the bridges of internal networks from the host's other
// links.
type internalLinks struct {
	mu       sync.Mutex
	networks *state.NetworkList
}

// has says so of a link, by its index. Where the networks can't be read, any
// link may be one.
func (l *internalLinks) has(link int) bool {
	if link == loopback {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	all, err := l.networks.Load()
	if all == nil && err != nil {
		return true
	}
	if !slices.ContainsFunc(all, func(n *state.Network) bool { return n.Internal }) {
		return false
	}
	name, err := linkName(link)
	return err != nil || slices.ContainsFunc(all, func(n *state.Network) bool { return n.Internal && n.Bridge == name })
}

// loopback is the index of lo in every network namespace (LOOPBACK_IFINDEX,
// net/flow.h in Linux).
const loopback = 1

// linkName is the name of the link with an index (netdevice(7)).
func linkName(index int) (string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("x") // any name will do: the kernel writes another
	if err != nil {
		return "", err
	}
	request.SetUint32(uint32(index))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, request); err != nil {
		return "", err
	}
	return request.Name(), nil
}

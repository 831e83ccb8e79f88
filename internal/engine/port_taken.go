package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// bindError is Docker's text for a port that can't be had, who has it, and
// what could be asked for instead.
func (v *reserver) bindError(spec nat.Spec, c *state.Container, r *reservation, in entrance, err error) error {
	tail, hint := err.Error(), v.otherwise(c, spec, elsewhere(spec))
	if bind, ok := errors.AsType[*nat.BindError](err); ok {
		tail = v.bindTail(bind, c, r, in.target(bind.HostAddr().Addr()))
		switch {
		case errors.Is(err, unix.EPROTONOSUPPORT):
			hint = nat.LoadSCTP
		case !errors.Is(err, unix.EADDRINUSE):
			hint = "ip -br addr"
		}
	} else if !errors.Is(err, errAllAllocated) {
		return err
	} else if spec.Ephemeral() {
		hint = "sysctl net.ipv4.ip_local_port_range"
	}
	return &Error{
		Text: fmt.Sprintf("failed to set up container networking: driver failed programming external connectivity on endpoint %s (%s): %s", c.Name, newID(), tail),
		Hint: hint,
		Err:  err,
	}
}

func (v *reserver) bindTail(b *nat.BindError, c *state.Container, r *reservation, target netip.Addr) string {
	where := fmt.Sprintf("%s:%s/%s", b.HostAddr(), netip.AddrPortFrom(target, b.Port), b.Proto)
	if !errors.Is(b, unix.EADDRINUSE) {
		return fmt.Sprintf("failed to bind host port for %s: %v", where, b.Err)
	}
	own := &state.Run{Name: c.Name, Ports: r.ports}
	if name, key, ok := v.portOwner(b.Mapping, own); ok {
		return fmt.Sprintf("Bind for %s:%d failed: port is already allocated (held by container %s)", key, b.HostPort, name)
	}
	tail := fmt.Sprintf("failed to bind host port for %s: address already in use", where)
	if holder, found, err := nat.FindHolder(b.Mapping); err == nil && found {
		tail += fmt.Sprintf(" (held by %s)", holder)
	}
	return tail
}

// otherwise is what the person could type in the place of what can't be done:
// the same with another value of -p, or without.
func (v *reserver) otherwise(c *state.Container, spec nat.Spec, other string) string {
	switch v.verb {
	case "run":
		return "minibridge run -p " + other + " …"
	case "publish":
		return "minibridge publish " + c.Name + " -p " + other
	}
	return "minibridge unpublish " + c.Name + " -p " + spec.String()
}

// elsewhere suggests other host ports for a spec, as -p takes it: as many, by
// whole thousands higher or, at the end of the ports, lower, and none of the
// old ones. Where there is no room, the choice is left to us.
func elsewhere(spec nat.Spec) string {
	first, last := int(spec.HostFirst), int(spec.HostLast)
	shift := (last - first + 1000) / 1000 * 1000
	switch {
	case last+shift <= 65535:
	case first > shift:
		shift = -shift
	default:
		first, last, shift = 0, 0, 0
	}
	spec.HostFirst, spec.HostLast = uint16(first+shift), uint16(last+shift)
	return strings.TrimSuffix(spec.String(), "/tcp")
}

// portOwner finds the container that publishes the port, which may be the new
// one itself, and the host address that it does so on.
func (v *reserver) portOwner(m nat.Mapping, own *state.Run) (name string, key netip.Addr, ok bool) {
	runs, err := v.dirs.Runs()
	if err != nil && !errors.Is(err, os.ErrPermission) {
		v.warn(err)
	}
	for _, run := range slices.Concat(runs, v.given, []*state.Run{own}) {
		for _, p := range run.Ports {
			if _, both := shared(p, m); both {
				return run.Name, p.HostIP, true
			}
		}
	}
	return "", netip.Addr{}, false
}

// shared is the first port of the host that both would have.
func shared(p state.Port, m nat.Mapping) (hostPort uint16, both bool) {
	address := p.HostIP == m.HostIP || p.HostIP.Is6() == m.IPv6() && (m.Any() || p.HostIP.IsUnspecified())
	first := max(p.HostPort, m.HostPort)
	last := min(int(p.HostPort)+p.Count, int(m.HostPort)+m.Count) - 1
	return first, address && p.Proto == m.Proto && int(first) <= last
}

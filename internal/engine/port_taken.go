package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// bindError is Docker's text for a port that can't be had, who has it, and
// what could be asked for instead.
func (s *session) bindError(spec nat.Spec, c *state.Container, r *reservation, in entrance, err error) error {
	tail, hint := err.Error(), s.otherwise(c, spec)
	if bind, ok := errors.AsType[*nat.BindError](err); ok {
		tail = s.bindTail(bind, c, r, in.target(bind.HostAddr().Addr()))
		switch {
		case errors.Is(err, unix.EPROTONOSUPPORT): // Debian's kernel loads it for nobody by itself
			hint = "modprobe sctp"
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

func (s *session) bindTail(b *nat.BindError, c *state.Container, r *reservation, target netip.Addr) string {
	where := fmt.Sprintf("%s:%s/%s", b.HostAddr(), netip.AddrPortFrom(target, b.Port), b.Proto)
	if !errors.Is(b, unix.EADDRINUSE) {
		return fmt.Sprintf("failed to bind host port for %s: %v", where, b.Err)
	}
	own := &state.Run{Name: c.Name, Ports: r.ports}
	if name, key, ok := s.portOwner(b.Mapping, own); ok {
		return fmt.Sprintf("Bind for %s:%d failed: port is already allocated (held by container %s)", key, b.HostPort, name)
	}
	tail := fmt.Sprintf("failed to bind host port for %s: address already in use", where)
	if holder, found, err := nat.FindHolder(b.Mapping); err == nil && found {
		tail += fmt.Sprintf(" (held by %s)", holder)
	}
	return tail
}

// otherwise is what the person could type in the place of what can't be done.
func (s *session) otherwise(c *state.Container, spec nat.Spec) string {
	switch s.verb {
	case "run":
		return "minibridge run -p " + elsewhere(spec) + " …"
	case "publish":
		return "minibridge publish " + c.Name + " -p " + elsewhere(spec)
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
func (s *session) portOwner(m nat.Mapping, own *state.Run) (name string, key netip.Addr, ok bool) {
	runs, err := s.dirs.Runs()
	if err != nil {
		s.warn(err)
	}
	for _, run := range append(runs, own) {
		for _, p := range run.Ports {
			first, last := int(p.HostPort), int(p.HostPort)+p.Count-1
			same := p.HostIP == m.HostIP || p.HostIP.Is6() == m.IPv6() && (m.Any() || p.HostIP.IsUnspecified())
			if p.Proto == m.Proto && same && int(m.HostPort) >= first && int(m.HostPort) <= last {
				return run.Name, p.HostIP, true
			}
		}
	}
	return "", netip.Addr{}, false
}

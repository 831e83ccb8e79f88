package engine

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// What makes the host a router, of each family.
const (
	forwardKey  = "net.ipv4.ip_forward"
	forwardKey6 = "net.ipv6.conf.all.forwarding"
)

// forwards says whether one of them is on. A kernel without IPv6 has not the
// other.
func forwards(key string) (bool, error) {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
	return strings.TrimSpace(string(b)) != "0", err
}

// routerPlan makes the host a router of IPv4.
func (e *Engine) routerPlan() (p plan.Plan) {
	p.Do(&plan.SysctlSet{Key: forwardKey, Value: "1"}, "a Linux box is no router until it is told")
	return p
}

// needRouter says of which families networks that are up need the host as a
// router.
func (e *Engine) needRouter(networks []*state.Network) (v4, v6 bool) {
	if !e.dirs.HasJournal(hostOwner) {
		return false, false
	}
	up, _ := e.whatIsUp(networks) // of a record that can't be read, nobody knows
	return true, slices.ContainsFunc(up.networks, func(n *state.Network) bool { return n.Subnet6.IsValid() })
}

// heedForwarding makes the host a router again, where somebody has switched that
// off.
func (s *session) heedForwarding(ctx context.Context) error {
	on, err := forwards(forwardKey)
	on6, err6 := forwards(forwardKey6)
	if on && on6 || err != nil || !s.dirs.HasJournal(hostOwner) {
		return err
	}
	networks, err := s.networks()
	if err != nil {
		return err
	}
	var errs []error
	again := func(key string, p plan.Plan) {
		err := s.up(ctx, hostOwner, p)
		if err == nil {
			s.say("WARNING: %s was off; it is on again", key)
		}
		errs = append(errs, err)
	}
	_, v6 := s.needRouter(networks)
	if !on {
		again(forwardKey, s.routerPlan())
	}
	if !on6 && err6 == nil && v6 {
		p, err := s.hostPlan6(networks...)
		errs = append(errs, err)
		again(forwardKey6, p)
	}
	return errors.Join(errs...)
}

// forwardFindings tell whether the host forwards what it should.
func (e *Engine) forwardFindings() (found []Finding) {
	networks, _ := e.dirs.Networks() // who may not look has no network up
	v4, v6 := e.needRouter(networks)
	for _, family := range []struct {
		what, key string
		needed    bool
		note      string
	}{
		{"ip_forward", forwardKey, v4, "off; the first run switches it on, reset off again"},
		{"forwarding of IPv6", forwardKey6, v6, ""},
	} {
		on, err := forwards(family.key)
		switch {
		case !family.needed && family.note == "":
		case err != nil:
			found = append(found, Finding{"bad", family.what, err.Error()})
		case on:
			found = append(found, Finding{"ok", family.what, "on"})
		case family.needed:
			found = append(found, Finding{"bad", family.what, "off, so containers reach nothing outside their networks, and nobody reaches them; try: minibridge repair"})
		default:
			found = append(found, Finding{"note", family.what, family.note})
		}
	}
	return found
}

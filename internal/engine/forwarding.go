package engine

import (
	"context"
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
func routerPlan() (p plan.Plan) {
	p.Do(&plan.SysctlSet{Key: forwardKey, Value: "1"}, "a Linux box is no router until it is told")
	return p
}

// routerPlan6 makes it one of IPv6, where one of these networks has that. It
// comes behind [Engine.sharedPlan6].
func routerPlan6(networks ...*state.Network) (p plan.Plan) {
	if slices.ContainsFunc(networks, hasIPv6Subnet) {
		p.Do(&plan.SysctlSet{Key: forwardKey6, Value: "1"}, "and no router of IPv6 either")
	}
	return p
}

// needRouter says of which families networks that are up need the host as a
// router.
func (e *Engine) needRouter(networks []*state.Network) (v4, v6 bool) {
	if !e.dirs.HasJournal(hostOwner) {
		return false, false
	}
	if !slices.ContainsFunc(networks, hasIPv6Subnet) {
		return true, false // as on most machines, where each verb asks: that takes no look at containers
	}
	up, _ := e.whatIsUp(networks) // of a record that can't be read, nobody knows
	return true, slices.ContainsFunc(up.networks, hasIPv6Subnet)
}

// switchedOff are the settings that make the host a router, of the families that
// networks which are up need it for, where somebody has switched them off.
func (e *Engine) switchedOff(all func() ([]*state.Network, error)) (keys []string, err error) {
	on, err := forwards(forwardKey)
	on6, err6 := forwards(forwardKey6) // a kernel without IPv6 has no network with it
	on6 = on6 || err6 != nil
	if err != nil || on && on6 || !e.dirs.HasJournal(hostOwner) {
		return nil, err
	}
	networks, err := all()
	if err != nil {
		return nil, err
	}
	v4, v6 := e.needRouter(networks)
	if v4 && !on {
		keys = append(keys, forwardKey)
	}
	if v6 && !on6 {
		keys = append(keys, forwardKey6)
	}
	return keys, nil
}

// forwardAgain makes the host a router again, where somebody has switched that
// off. It comes when all rules are in place: nothing is led anywhere before the
// doors are closed that should be.
func (s *session) forwardAgain(ctx context.Context) (back []string, err error) {
	off, err := s.switchedOff(s.networks)
	if err != nil || len(off) == 0 {
		return nil, err
	}
	networks, err := s.networks()
	if err != nil {
		return nil, err
	}
	for _, key := range off {
		p := routerPlan()
		if key == forwardKey6 {
			if p, err = s.hostPlan6(networks...); err != nil {
				return back, err
			}
		}
		if err := s.up(ctx, hostOwner, p); err != nil {
			return back, err
		}
		back = append(back, key)
	}
	return back, nil
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

package nat_test

import (
	"slices"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// A stranger's DROP behind our jump, as ufw and others have it, does not
// matter; one in the administrator's chain does.
func TestTheAdministratorHasTheFirstWord(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		m.Sh(t, "iptables -A FORWARD -j DROP")
		up(t, &plan.Memory{}, publishing(t, fw, "8080:80"))
		serve(t, "c1", "tcp", "0.0.0.0:80")
		if got := ask(t, "outside", "tcp", "192.0.2.1:8080", patience); got != "80 from 192.0.2.2" {
			t.Errorf("with a DROP in FORWARD: %s", got)
		}
		m.Sh(t, fw.refuse)
		if got := ask(t, "outside", "tcp", "192.0.2.1:8080", soon); got != "nothing" {
			t.Errorf("with a drop of the administrator's: %s", got)
		}
	})
}

// publishing is the three kinds of plan, with both networks.
func publishing(t *testing.T, fw firewall, ports ...string) plan.Plan {
	b := fw.backend(t)
	return slices.Concat(b.Host(), b.Network(network), b.Network(other), b.Publish(web(t, ports...)))
}

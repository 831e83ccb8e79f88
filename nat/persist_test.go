package nat_test

import (
	"os"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// disturbed is an iptables-restore during which somebody else, who has another
// file for the lock, changes the table: the first two times. It has waited for
// the lock before, as version 1.8.7 tells.
const disturbed = `#!/bin/sh
real() { xtables-legacy-multi iptables-restore "$@"; }
test -e /run/twice && exec xtables-legacy-multi iptables-restore "$@"
test -e /run/once && touch /run/twice
touch /run/once
echo 'Another app is currently holding the xtables lock; still 20s 0us time ahead to have a chance to grab the lock...' >&2
{
	read -r table && echo "$table"
	until lslocks -n | grep -q xtables.lock; do :; done
	XTABLES_LOCKFILE=/run/other.lock xtables-legacy-multi iptables -t nat -A OUTPUT -d 203.0.113.1
	cat
} | real "$@"
`

func TestAChangeThatSomebodyElsesIsInTheWayOfIsMadeAgain(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		hosttest.UseIptables(t, "legacy")
		j := &plan.Memory{}
		up(t, j, nat.Iptables().Host())
		disturb := func() {
			m.Sh(t, "rm -f /run/once /run/twice")
			dir := t.TempDir()
			if err := os.WriteFile(dir+"/iptables-restore", []byte(disturbed), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
		}
		theirs := func() string { return m.Sh(t, "iptables-save -t nat | grep -c 203.0.113.1") }
		published := func() string { out, _ := m.Try("iptables-save -t nat | grep -c 'dport 8080'"); return out }

		disturb()
		ports := &plan.Memory{}
		up(t, ports, nat.Iptables().Publish(web(t, "8080:80")))
		if theirs() != "2" || published() != "1" {
			t.Errorf("%s rules of somebody else's, %s of ours", theirs(), published())
		}
		disturb()
		down(t, ports)
		if theirs() != "4" || published() != "0" {
			t.Errorf("%s rules of somebody else's, %s of ours", theirs(), published())
		}
	})
}

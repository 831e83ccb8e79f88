package bridge_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestVeths(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before, err := bridge.Veths()
		if err != nil {
			t.Fatal(err)
		}
		m.Sh(t, "ip link add br7 type bridge; ip link add one type veth peer name two; ip link set one master br7")
		got, err := bridge.Veths()
		if err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(got, func(name, _ string) bool { _, was := before[name]; return was })
		if want := map[string]string{"one": "br7", "two": ""}; !maps.Equal(got, want) {
			t.Errorf("%v, not %v", got, want)
		}
	})
}

func TestLinks(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, withNetns+"\n"+withCable)
		if names, err := bridge.Links("web"); err != nil || !slices.Equal(names, []string{"lo", "eth0"}) {
			t.Errorf("%q, %v", names, err)
		}
		if names, err := bridge.Links("gone"); err == nil {
			t.Errorf("of no namespace: %q", names)
		}
	})
}

package state_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minibridge/minibridge/internal/state"
)

func TestMembersAreSeenAsTheyComeAndGo(t *testing.T) {
	t.Parallel()
	dirs := folders(t)
	h := lock(t, dirs)
	list := dirs.Members("net")
	names := func() (all []string) {
		members, _, err := list.Load()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			all = append(all, m.Names[0]+" "+m.IPv4.String())
		}
		return all
	}
	check := func(want ...string) {
		t.Helper()
		if d := cmp.Diff(want, names()); d != "" {
			t.Error(d)
		}
		if _, changed, _ := list.Load(); changed {
			t.Error("changed, though nothing did")
		}
	}
	check()
	member := func(id, addr string) state.Member {
		return state.Member{ID: id, Names: []string{id}, IPv4: netip.MustParseAddr(addr)}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(h.Join("net", member("a", "10.0.0.2")))
	check("a 10.0.0.2")
	must(h.Join("net", member("b", "10.0.0.3")))
	check("a 10.0.0.2", "b 10.0.0.3")
	must(h.Join("net", member("a", "10.0.0.4"))) // started again
	check("b 10.0.0.3", "a 10.0.0.4")
	must(h.Quit("net", "b"))
	must(h.Quit("net", "b")) // twice is harmless
	must(h.Quit("other", "b"))
	check("a 10.0.0.4")
	must(h.Quit("net", "a"))
	check()
}

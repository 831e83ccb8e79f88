package dns

import (
	"fmt"
	"slices"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	table := NewTable([]Network{
		{Name: "c", Peers: []Peer{
			{Names: []string{"Web", "web", "WEB"}, Addrs: addrs("10.0.0.2", "fd00::2")},
			{Names: []string{"a.b"}, Addrs: addrs("10.0.0.3")},
			{Names: []string{"both"}, Addrs: addrs("10.0.0.4")},
			{Names: nil, Addrs: addrs("10.0.0.5")},
			{Names: []string{"none"}},
		}},
		{Name: "b.c", Peers: []Peer{
			{Names: []string{"a", "x"}, Addrs: addrs("10.1.0.3")},
			{Names: []string{"x"}, Addrs: addrs("10.1.0.5")},
			{Names: []string{"both"}, Addrs: addrs("10.1.0.4", "10.0.0.4")},
			{Names: []string{"y.b.c"}, Addrs: addrs("10.1.0.6")},
		}},
		{Name: "C", Peers: []Peer{
			{Names: []string{"z", "web"}, Addrs: addrs("10.2.0.2")},
		}},
	})
	for name, want := range map[string]string{
		"web":      "[10.0.0.2 fd00::2]", // once, though it is there three times
		"web.c":    "[10.0.0.2 fd00::2]",
		"both":     "[10.0.0.4]", // of the first network alone
		"both.b.c": "[10.1.0.4 10.0.0.4]",
		"x":        "[10.1.0.3 10.1.0.5]",
		"a.b.c":    "[10.0.0.3]", // a.b on c comes before a on b.c
		"y.b.c":    "[10.1.0.6]", // the whole comes first
		"z.c":      "[10.2.0.2]", // two networks may differ in case only
		"a":        "[10.1.0.3]",
		"none":     "[]",
		"":         "unknown",
		".":        "unknown",
		".c":       "unknown",
		"web.":     "unknown",
		"web.b.c":  "unknown",
		"web.c.c":  "unknown",
		"c":        "unknown",
	} {
		got := "unknown"
		if a, known := table.Lookup(name); known {
			got = fmt.Sprint(a)
		}
		if got != want {
			t.Errorf("%q is %s, not %s", name, got, want)
		}
	}
	var names []string
	for _, a := range addrs("10.0.0.2", "fd00::2", "10.0.0.4", "10.1.0.4", "10.0.0.5", "10.0.0.1") {
		name, _ := table.Reverse(a)
		names = append(names, name)
	}
	if want := []string{"Web.c", "Web.c", "both.c", "both.b.c", "", ""}; !slices.Equal(names, want) {
		t.Errorf("addresses are %q, not %q", names, want)
	}
}

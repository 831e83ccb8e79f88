package engine_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// replay runs a script by `sh -e` in a fresh machine where named namespaces
// were never used, then more of it, and gives the state that it ends in.
func replay(t *testing.T, m *hosttest.Machine, script, more string) string {
	t.Helper()
	return m.StateAfter(t, untouched+"\ncat >/run/script <<'END OF SCRIPT'\n"+script+"\nEND OF SCRIPT\nsh -e /run/script\n"+more)
}

// typed leaves out the private names of namespaces, which nobody types.
func typed(state string) string { return pins.ReplaceAllString(state, "") }

var pins = regexp.MustCompile(`(?m)^mount /run/minibridge/netns/\S* nsfs.*\n`)

func TestAScriptOfThePresentState(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, untouched)
		before := m.State(t)
		m.Sh(t, "minibridge run -d --name web -p 8000:80 -p 127.0.0.1:9000-9002:90-92/udp -p 7000-7100:7000-7100 "+server(t, "", "80")+"\n"+
			"minibridge run -d --name A_b.c-d --hostname 'box' -p 80 -e \"ODD=it's \\$HOME\" -w /usr "+server(t, "", "80")+"\n"+
			"minibridge run -d --name alone --network none "+server(t, "", "80")+"\n"+
			"minibridge run -d --name joiner --network container:alone sleep 1000")
		here := m.State(t)
		script := m.Sh(t, "minibridge script")
		if there := replay(t, m, script, asking(t, "127.0.0.1:8000")+"\n"+asking(t, running(t, "A_b.c-d").Wired()[0].Address.Addr().String()+":80")); typed(here) != there {
			t.Errorf("it makes another machine:\n%s", hosttest.Diff(typed(here), there))
		}
		if there := replay(t, m, m.Sh(t, "minibridge script web"), asking(t, "127.0.0.1:8000")+"\n! ip netns exec alone true"); strings.Contains(there, "A_b.c-d") {
			t.Error("one container's script makes others too")
		}
		undo := m.Sh(t, "minibridge script --undo")
		if there := replay(t, m, script, "for ns in web A_b.c-d alone; do ip netns pids $ns | xargs kill -9; done\n"+
			"sh -e <<'END OF SCRIPT'\n"+undo+"\nEND OF SCRIPT\nwhile ip link | grep -q mbv; do :; done"); there != before {
			t.Errorf("its undo leaves, after the script:\n%s", hosttest.Diff(before, there))
		}
		m.Sh(t, "cat >/run/undo <<'END OF SCRIPT'\n"+m.Sh(t, "minibridge script --undo web")+"\nEND OF SCRIPT\nsh -e /run/undo")
		m.Sh(t, "test ! -e /run/netns/web")
		m.Sh(t, "minibridge rm -f web A_b.c-d joiner alone") // all of it still works
		undone(t, m, before)
	})
}

// undone types what takes the rest down, and wants the program to get along
// with that.
func undone(t *testing.T, m *hosttest.Machine, before string) {
	t.Helper()
	m.Sh(t, "minibridge run -d --name web -p 8000:80 sleep 1000\nminibridge script --undo >/run/undo\nsh -e /run/undo")
	if after := typed(quiet(t, m)); after != before {
		t.Errorf("script --undo leaves:\n%s", hosttest.Diff(before, after))
	}
	m.Sh(t, "minibridge reset -f")
	if after := quiet(t, m); after != before {
		t.Errorf("reset after script --undo leaves:\n%s", hosttest.Diff(before, after))
	}
}

func TestADryRun(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, untouched)
		before, files := m.State(t), m.Sh(t, "find /run /var/lib/minibridge | sort")
		run := "run -d --name web -p 8000:80 -p 9000-9002:90-92/udp " + server(t, "", "80")
		first := m.Sh(t, "minibridge --dry-run "+run)
		if after := m.State(t); after != before {
			t.Errorf("it changed the machine:\n%s", hosttest.Diff(before, after))
		}
		if after := m.Sh(t, "find /run /var/lib/minibridge | sort"); after != files {
			t.Errorf("it made files:\n%s", hosttest.Diff(files, after))
		}
		replay(t, m, first, asking(t, "127.0.0.1:8000"))

		m.Sh(t, "minibridge run --rm true")
		second := m.Sh(t, "minibridge --dry-run "+run)
		if !strings.Contains(second, "# already so: ip link add name minibr0") {
			t.Errorf("it does not say what is so already:\n%s", second)
		}
		m.Sh(t, "cat >/run/script <<'END OF SCRIPT'\n"+second+"\nEND OF SCRIPT\nsh -e /run/script\n"+asking(t, "127.0.0.1:8000"))
	})
}

func TestADryRunByAnybody(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "cp $(command -v minibridge) /run/mb; minibridge run --rm true")
		script := m.Sh(t, "setpriv --reuid=65534 --clear-groups /run/mb --dry-run run -d --name web -p 8000:80 "+server(t, "", "80")+" 2>/dev/null")
		if !strings.Contains(script, "# not root") {
			t.Errorf("it says:\n%s", script)
		}
		replay(t, m, script, asking(t, "127.0.0.1:8000"))
	})
}

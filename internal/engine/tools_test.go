package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// brokenTool stands before one of the firewall's programs. It counts its calls,
// and fails as /run/fail says: "3 killed" when it has done the third one, "3
// ever" from the third one on.
const brokenTool = `#!/bin/sh
calls=$(($(cat /run/calls) + 1))
echo $calls >/run/calls
read -r nth how </run/fail
test $how = ever -a $calls -gt $nth && nth=$calls
test $calls = $nth || exec %[1]s "$@"
test $how = killed && { %[1]s "$@"; kill -KILL $$; }
echo out of order >&2
exit 3
`

// breakable makes the firewall's programs fail when they are told to.
func breakable(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range []string{"iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore", "nft"} {
		path, err := exec.LookPath(tool)
		if err == nil {
			err = os.WriteFile(dir+"/nft-"+tool, fmt.Appendf(nil, brokenTool, path), 0o755)
		}
		if err == nil {
			err = os.Symlink("nft-"+tool, dir+"/"+tool) // a link that names the variant, as Debian's
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	failAt(t, 0, "never")
}

func failAt(t *testing.T, nth int, how string) {
	t.Helper()
	for file, text := range map[string]string{"/run/calls": "0", "/run/fail": fmt.Sprint(nth, " ", how)} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func calls(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/run/calls")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

// A ruleVerb changes rules, after what comes before. back is how one gets to the
// state before it; "" when that is not where one that failed may leave it.
type ruleVerb struct{ before, verb, back string }

// ruleVerbs are those of a machine with a network of both families, lab, and a
// container, busy.
var ruleVerbs = map[string]ruleVerb{
	"run":            {"", "run -d --name web --network lab -p 8080:80 -p 9000:90/udp sleep 1000", "minibridge rm -f web"},
	"stop":           {"minibridge start web", "stop -t 0 web", ""},
	"publish":        {"", "publish busy -p 8082:80 -p 8083:90/udp", "minibridge unpublish busy -p 8082:80 -p 8083:90/udp"},
	"unpublish":      {"minibridge publish busy -p 8082:80 -p 8083:90/udp", "unpublish busy -p 8082:80 -p 8083:90/udp", ""},
	"connect":        {"", "network connect lab busy", "minibridge network disconnect lab busy"},
	"disconnect":     {"minibridge network connect lab busy", "network disconnect lab busy", ""},
	"network create": {"", "network create --ipv6 --subnet fd00:8::/64 --subnet 172.28.0.0/16 more", "minibridge network rm more"},
	"network rm":     {"minibridge network create --ipv6 --subnet fd00:8::/64 --subnet 172.28.0.0/16 more", "network rm more", ""},
	"first run":      {"minibridge reset -f", "run -d --name web -p 8080:80 sleep 1000", "minibridge reset -f"},
	"first network":  {"minibridge reset -f", "network create --ipv6 lab", "minibridge reset -f"},
}

const ruled = `
minibridge network create --ipv6 --subnet fd00:9::/64 --subnet 172.29.0.0/16 lab
minibridge create --name web --network lab -p 8081:80 -p 9001:90/udp sleep 1000
minibridge run -d --name busy -p 8000:80 -p 9009:90/udp sleep 1000
minibridge run --rm --network lab true
`

// What the firewall's programs can't do, or have done and not told, is told with
// their words, and the machine is as before; at the latest when they work again
// and the next verb comes. Then the same verb does it all.
func TestProgramsOfTheFirewallThatFail(t *testing.T) {
	for _, firewall := range []string{"iptables", "nftables"} {
		for name, v := range ruleVerbs {
			t.Run(firewall+" "+name, func(t *testing.T) {
				hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
					t.Setenv("MINIBRIDGE_FIREWALL", firewall)
					breakable(t)
					m.Sh(t, ruled)
					if name == "run" {
						m.Sh(t, "minibridge rm web")
					}
					for how, says := range map[string]string{"killed": ": signal: killed", "ever": ": out of order"} {
						for f := (failure{1, how, says}); v.failsBy(t, m, f); f.nth++ {
						}
					}
				})
			})
		}
	}
}

// A failure is what /run/fail has, and what is said of it.
type failure struct {
	nth       int
	how, says string
}

// failsBy is false when the verb needs less calls than that.
func (v ruleVerb) failsBy(t *testing.T, m *hosttest.Machine, f failure) bool {
	t.Helper()
	failAt(t, 0, "never")
	m.Sh(t, v.before)
	settle(t, m)
	was := m.State(t)
	failAt(t, f.nth, f.how)
	out, code := m.Try("minibridge " + v.verb)
	called := calls(t)
	failAt(t, 0, "never")
	if called < f.nth {
		if code != 0 {
			t.Errorf("%s fails when nothing does: %s", v.verb, out)
		}
		m.Sh(t, v.back)
		return false
	}
	if code == 0 || !strings.Contains(out, f.says) {
		t.Errorf("%s, %s at call %d: code %d: %s", v.verb, f.how, f.nth, code, out)
	}
	first := v.before == "minibridge reset -f" // of all; it may leave what all networks share
	m.Sh(t, "minibridge ps -a")
	if first {
		m.Sh(t, v.before)
	}
	settle(t, m)
	if diff := hosttest.Diff(was, m.State(t)); diff != "" && v.back != "" {
		t.Errorf("%s, %s at call %d, leaves:\n%s", v.verb, f.how, f.nth, diff)
	}
	m.Sh(t, "minibridge "+v.verb)
	if !first {
		m.Sh(t, v.back)
	}
	return true
}

// settle waits for the links of containers that have ended.
func settle(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	journals := m.Sh(t, "cat /run/minibridge/journal/ctr-* 2>/dev/null || true")
	for _, name := range strings.Fields(m.Sh(t, "ls /sys/class/net")) {
		if veth.MatchString(name) && !strings.Contains(journals, name) {
			m.WaitNoLink(t, name)
		}
	}
}

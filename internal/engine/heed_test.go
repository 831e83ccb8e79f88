package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// verbs are those that change something, each with one that takes it back.
var verbs = []struct{ do, back string }{
	{"minibridge create --name zz true", "minibridge rm zz"},
	{"minibridge run --rm --network none true", ""},
	{"minibridge run --rm -p 6000:80 true", ""},
	{"minibridge run -d --name zz sleep 1000", "minibridge rm -f zz"},
	{"minibridge stop -t 0 idle", "minibridge start idle"},
	{"minibridge kill idle", "minibridge start idle"},
	{"minibridge restart -t 0 idle", ""},
	{"minibridge rm made", "minibridge create --name made true"},
	{"minibridge rename idle lazy", "minibridge rename lazy idle"},
	{"minibridge network connect bridge peer", "minibridge network disconnect bridge peer"},
	{"minibridge network create zz", "minibridge network rm zz"},
	{"minibridge network prune -f --filter label=none", ""},
}

const idle = "minibridge run -d --name idle -p 6001:80 sleep 1000"

// Whoever comes next after a flush, whatever for, closes the doors that it has
// opened, and says so.
func TestTheNextVerbPutsBackRules(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, idle+"; minibridge create --name made true")
		for _, verb := range verbs {
			before := withoutVeths(m.State(t))
			m.Sh(t, flush)
			said := m.Sh(t, verb.do+" 2>&1 >/dev/null")
			if strings.Count(said, "\n") > 0 || !strings.HasPrefix(said, "WARNING: rules of ours were missing, or behind those of others; put back: host, networks bridge, lab, six and vault, containers ") {
				t.Errorf("%s says: %s", verb.do, said)
			}
			m.Sh(t, verb.back)
			settled(t, m)
			if after := withoutVeths(m.State(t)); after != before {
				t.Fatalf("%s leaves:\n%s", verb.do, hosttest.Diff(before, after))
			}
			openAndClosed(t, m, verb.do)
		}
	})
}

const flush = "nft flush ruleset"

// withoutVeths is a state but for the order of rules and the names of cables,
// which are new at each start.
func withoutVeths(state string) string { return inAnyOrder(veth.ReplaceAllString(state, "mbv")) }

// settled waits for the links of containers that have ended.
func settled(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	runs, err := testDirs.Runs()
	if err != nil {
		t.Fatal(err)
	}
	var own string
	for _, run := range runs {
		for _, at := range run.Wired() {
			own += at.Veth
		}
	}
	for _, name := range veth.FindAllString(m.Sh(t, "ls /sys/class/net"), -1) {
		if !strings.Contains(own, name) {
			m.WaitNoLink(t, name)
		}
	}
}

// Of a container that ends, nothing is put back: nobody has to hear of it.
func TestWhatEndsIsNotPutBack(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.State(t)
		for _, end := range []string{"minibridge stop -t 0 idle; minibridge rm idle", "minibridge kill idle; minibridge rm idle", "minibridge rm -f idle"} {
			m.Sh(t, idle)
			m.Sh(t, unpublish("tcp", "6001"))
			if said := m.Sh(t, "{ "+end+"; } 2>&1 >/dev/null"); said != "" {
				t.Errorf("%s says: %s", end, said)
			}
			settled(t, m)
			if after := m.State(t); after != before {
				t.Errorf("%s leaves:\n%s", end, hosttest.Diff(before, after))
			}
		}
	})
}

// unpublish is a script that takes a port away.
func unpublish(proto, port string) string {
	if testFirewall() == "nftables" {
		return fmt.Sprintf("nft delete element inet minibridge ports '{ %s . %s }'\n", proto, port)
	}
	return fmt.Sprintf("iptables -t nat -D MINIBRIDGE $(iptables -t nat -L MINIBRIDGE --line-numbers -n | awk '/%s dpt:%s/ { print $1 }')\n", proto, port)
}

// As long as nobody else changes rules, no verb looks at all of them.
func TestNobodyIsDisturbed(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, idle+"; minibridge create --name made true")
		for _, verb := range verbs {
			for _, do := range []string{verb.do, verb.back} {
				if m.Sh(t, do); testEngine(t).Disturbed() {
					t.Errorf("after %s, the next verb looks at all rules", do)
				}
			}
		}
		m.Sh(t, "minibridge repair; minibridge repair web")
		if testEngine(t).Disturbed() {
			t.Error("after repair, the next verb looks at all rules")
		}
		m.Sh(t, "nft add table ip theirs")
		if !testEngine(t).Disturbed() {
			t.Error("after a change of somebody else's, the next verb looks at nothing")
		}
		if said := m.Sh(t, "minibridge create --name zz true 2>&1 >/dev/null; minibridge rm zz"); said != "zz" || testEngine(t).Disturbed() {
			t.Errorf("after a verb that has looked: %v, and it said %s", testEngine(t).Disturbed(), said)
		}
	})
}

// What can't be put back is said, and stops nobody.
func TestHeedThatFails(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		t.Chdir(t.TempDir())
		before := inAnyOrder(m.State(t))
		m.Sh(t, flush)
		m.Sh(t, `mkdir broken; for p in iptables-restore nft; do printf '#!/bin/sh\necho no >&2; exit 1\n' > broken/$p; chmod +x broken/$p; done`)
		said := m.Sh(t, "PATH=$PWD/broken:$PATH minibridge create --name zz true 2>&1 >/dev/null")
		if !strings.HasPrefix(said, "WARNING: rules of ours may be missing: ") || !testEngine(t).Disturbed() {
			t.Errorf("it says: %s", said)
		}
		if said := m.Sh(t, "minibridge rm zz 2>&1 >/dev/null"); !strings.HasPrefix(said, "WARNING: rules of ours were missing") {
			t.Errorf("the next one says: %s", said)
		}
		if after := inAnyOrder(m.State(t)); after != before {
			t.Errorf("it leaves:\n%s", hosttest.Diff(before, after))
		}
	})
}

// iptables-legacy has rules that nobody counts: each verb looks at them.
func TestFlushedLegacyRules(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		hosttest.UseIptables(t, "legacy")
		before := quiet(t, m)
		m.Sh(t, city(t))
		whole := inAnyOrder(m.State(t))
		const flush = "for t in raw nat filter; do iptables -t $t -F; iptables -t $t -X; ip6tables -t $t -F; ip6tables -t $t -X; done"
		for _, back := range []string{"minibridge create --name zz true", "minibridge rm zz", "minibridge repair"} {
			m.Sh(t, flush)
			if said := m.Sh(t, back+" 2>&1"); !strings.HasPrefix(said, "WARNING: rules of ours were missing, or behind those of others; put back: host, ") && !strings.HasPrefix(said, "host: iptables -t raw -N ") {
				t.Errorf("%s says %s", back, said)
			}
			if after := inAnyOrder(m.State(t)); after != whole {
				t.Fatalf("%s leaves:\n%s", back, hosttest.Diff(whole, after))
			}
			openAndClosed(t, m, back)
		}
		if said := m.Sh(t, "minibridge repair 2>&1; minibridge create --name zz true 2>&1 >/dev/null"); said != "nothing is missing" {
			t.Errorf("with all there: %s", said)
		}
		m.Sh(t, "minibridge rm -f web peer other safe; minibridge reset -f")
		if after := quiet(t, m); after != before {
			t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
		}
	})
}

// A container that goes on sending from one socket gets its answers again.
func TestWhatLeftUnmaskedIsMasqueraded(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		outside := exec.Command("ip", "netns", "exec", "outside", self(t))
		outside.Env = append(os.Environ(), echoEnv+"=90")
		line(t, start(t, outside), "ready")
		for _, verb := range []string{"minibridge create --name zz true", "minibridge repair", "minibridge repair peer"} {
			m.Sh(t, "iptables -t nat -F; nft flush chain inet minibridge postrouting 2>/dev/null || true")
			c := dialUp(t, "peer", "udp4", "192.0.2.2:90")
			for range 3 {
				c.Write([]byte("x"))
			}
			m.Sh(t, verb)
			if err := talk(c); err != nil {
				t.Errorf("%s: %v", verb, err)
			}
			c.Close()
		}
	})
}

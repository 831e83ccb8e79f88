package engine_test

import (
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestCheckSeesThatTheGuardIsGone(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		guard := func() string {
			for _, f := range testEngine(t).Check(t.Context()) {
				if strings.HasPrefix(f.What, "guard") {
					return f.Verdict + " " + f.Detail
				}
			}
			return ""
		}
		if got := guard(); got != "" {
			t.Errorf("with nothing to guard: %s", got)
		}
		m.Sh(t, "minibridge run --rm true")
		for _, damage := range []string{
			"iptables -t raw -F", // all of it
			"iptables -t raw -D PREROUTING 1",
			"iptables -t raw -D MINIBRIDGE-RAW -s 127.0.0.0/8 ! -i lo -m comment --comment minibridge:guard:host -j DROP",
		} {
			if got := guard(); got != "ok in place" {
				t.Errorf("before %s: %s", damage, got)
			}
			m.Sh(t, damage)
			got := guard()
			if !strings.HasPrefix(got, "bad ") || !strings.Contains(got, "containers on minibr0 reach") {
				t.Errorf("after %s: %s", damage, got)
			}
			_, remedy, _ := strings.Cut(got, "try: ")
			m.Sh(t, remedy)
		}
	})
}

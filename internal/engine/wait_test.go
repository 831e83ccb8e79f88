package engine_test

import (
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// Scripts about who waits for whom: `waiting N` ends when N processes wait for a
// lock, as flock(1) in /proc/locks.
const queue = `waiting() { until test "$(grep -c -- '-> FLOCK' /proc/locks)" -ge "$1"; do :; done; }
`

// What leads to ports: kept, taken away, given back.
var portRules = map[string]string{
	"iptables": `kept() { iptables-save -t nat; }
away() { iptables -t nat -F MINIBRIDGE; }
back() { iptables-restore; }
`,
	"nftables": `kept() { nft list map inet minibridge ports; }
away() { nft flush map inet minibridge ports; }
back() { nft -f -; }
`,
}

// A verb that is half way up or down is no reason to call the machine sick.
func TestCheckDoesNotJudgeWhatIsHalfDone(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine) {
		said := m.Sh(t, queue+portRules[testFirewall()]+`
kept >/run/rules
away
mkfifo /run/held /run/let-go
flock /run/minibridge/lock sh -c 'echo >/run/held; read -r _ </run/let-go' &
read -r _ </run/held
{ minibridge check 2>&1; echo "exit code $?"; } >/run/said &
waiting 1
back </run/rules
echo >/run/let-go
wait
grep -E '^(bad|exit|[a-z]+ +rules)' /run/said`)
		if !strings.HasSuffix(said, "exit code 0") || !strings.Contains(said, "in place") {
			t.Errorf("check says: %s", said)
		}
	})
}

// Who attaches to a container that could not be started hears once whom its
// undoing waits for.
func TestAWaitIsToldOnce(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		said := m.Sh(t, queue+`
minibridge network ls >/run/list
mkdir /run/slow
mkfifo /run/begun
cat >/run/slow/iptables-restore <<'EOF'
#!/bin/sh
`+queue+`
test -e /run/first || { : >/run/first; echo >/run/begun; waiting 1; }
exec /usr/sbin/iptables-restore "$@"
EOF
chmod +x /run/slow/iptables-restore
: >/run/said
{ read -r _ </run/begun; exec flock /run/minibridge/lock sh -c 'until grep -q "waiting for the lock" /run/said; do :; done'; } &
PATH=/run/slow:$PATH minibridge run -p 8000:80 nosuch 2>/run/said || test $? = 127
wait
cat /run/said`)
		if n := strings.Count(said, "waiting for the lock: "); n != 1 {
			t.Errorf("it is told %d times:\n%s", n, said)
		}
	})
}

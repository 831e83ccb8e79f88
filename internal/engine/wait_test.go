package engine_test

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"golang.org/x/sys/unix"
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
		m.Sh(t, "minibridge run --rm true; cp /etc/passwd /run/users; mkfifo /run/held; : >/run/said")
		h := hosttest.NewHold(t, "/run/users")
		defer h.Release()
		run := exec.Command("sh", "-c", "minibridge run -v /run/users:/etc/passwd nosuch 2>/run/said")
		start(t, run)
		h.Wait(t)
		other := exec.Command("flock", "/run/minibridge/lock", "sh", "-c", `echo >/run/held; until grep -q "waiting for the lock" /run/said; do sleep 0.01; done`)
		start(t, other)
		m.Sh(t, "read -r _ </run/held")
		h.Release()
		if got := code(run); got != 127 {
			t.Errorf("exit code %d", got)
		}
		if got := code(other); got != 0 {
			t.Errorf("flock: exit code %d", got)
		}
		said := m.Sh(t, "cat /run/said")
		if n := strings.Count(said, "waiting for the lock: "); n != 1 {
			t.Errorf("it is told %d times:\n%s", n, said)
		}
	})
}

// Whoever comes to a supervisor that is about to end, and is not heard any more,
// finds out how the container has ended.
func TestWhoAttachesAsItEnds(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, `minibridge run -d --name web sh -c 'trap "exit 7" TERM; while :; do sleep 0.01; done'`)
		run := running(t, "web")
		socket := testDirs.Socket(run.ID)
		if err := os.Remove(socket); err != nil {
			t.Fatal(err)
		}
		deaf, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.Close()
		attached := program("attach", "web")
		start(t, attached)
		conn, err := deaf.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Kill(run.Init.Pid, unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		ended(t, run.Supervisor.Pid)
		conn.Close()
		if got := code(attached); got != 7 {
			t.Errorf("exit code %d", got)
		}
	})
}

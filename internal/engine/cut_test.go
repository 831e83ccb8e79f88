package engine_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// A start whose command is killed before it is whole never was, even while the
// supervisor has not noticed: the next verb, whatever it is and whatever it
// says, leaves nothing of it.
func TestAStartIsCutShort(t *testing.T) {
	const rules = `mkdir /run/slow
mkfifo /run/begun /run/never
cat >/run/slow/iptables-restore <<'EOF'
#!/bin/sh
cat >/run/rules
if grep -q 8080 /run/rules; then echo begun >/run/begun; read -r _ </run/never; fi # it dies with the command
exec /usr/sbin/iptables-restore "$@" </run/rules
EOF
chmod +x /run/slow/iptables-restore
minibridge run --rm true
minibridge create --name idle true
`
	const cut = `exec 3<>/run/begun # so that nobody waits for the other end
(PATH=/run/slow:$PATH minibridge run -d --name web -p 8080:80 sleep 1000 3<&- || echo ended: $? >&3) &
read -r said <&3
if [ "$said" != begun ]; then echo "$said"; exit 1; fi
run=$(pgrep -P $!) # by their parents: a child that is about to execute another program has the name of its own
supervisor=$(pgrep -P $run -f "^minibridge-supervisor web")
kill -STOP $supervisor
kill -9 $run
wait $!
`
	// A process that has ended is there until its parent has heard of it.
	const gone = `
if grep "^State:.[^ZX]" /proc/$supervisor/status; then exit 1; fi 2>/run/said
`
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, rules)
		before := quiet(t, m)
		for _, verb := range []string{"ps -a", "rm -f web", "stop web", "create --name web true", "rename web other", "start web", "restart web", "publish web -p 80", "network connect none web"} {
			m.Sh(t, cut+"minibridge "+verb+" 2>&1 || true"+gone)
			m.Try("minibridge rm web")
			if after := quiet(t, m); after != before {
				t.Errorf("after %s there is:\n%s", verb, hosttest.Diff(before, after))
			}
			if files := left(t); len(files) > 3 { // those of idle
				t.Errorf("after %s there is: %q", verb, files)
			}
		}
	})
}

// An interrupt that comes as the command is executed ends the container or
// comes too late: a run that fails leaves nothing.
func TestAnInterruptAsTheCommandIsExecuted(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "cp /etc/passwd /run/users; minibridge run --rm true")
		for range 10 {
			h := hosttest.NewHold(t, "/run/users")
			defer h.Release()
			cmd := program("run", "-d", "--name", "web", "--cidfile", "/run/id", "-v", "/run/users:/etc/passwd", "sleep", "1000")
			start(t, cmd)
			h.Wait(t)
			stopped := cmd.Process.Signal(unix.SIGSTOP)
			h.Release()
			m.Sh(t, "until minibridge exec web true 2>/run/said; do :; done")
			if err := errors.Join(stopped, cmd.Process.Signal(unix.SIGINT), cmd.Process.Signal(unix.SIGCONT)); err != nil {
				t.Fatal(err)
			}
			got := code(cmd)
			there := m.Sh(t, "minibridge ps -a --format '{{.Names}} {{.State}}'; ls /run/id 2>/run/said || true; minibridge rm -f web >/run/said 2>&1; rm -f /run/id")
			if !(got == 130 && there == "" || got == 0 && there == "web running\n/run/id") {
				t.Errorf("exit code %d, and there is %q", got, there)
			}
		}
	})
}

package engine_test

import (
	"os"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// A start that fails while its sandbox waits in the kernel, where nothing can be
// killed, ends all the same, and lets others have the lock.
func TestAFailedStartWhoseSandboxIsStuck(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, `mkdir /run/slow /run/dead
mkfifo /run/go
cat >/run/slow/iptables-restore <<'EOF'
#!/bin/sh
cat >/run/rules
if grep -q 8080 /run/rules; then read -r _ </run/go; exit 1; fi
exec /usr/sbin/iptables-restore "$@" </run/rules
EOF
chmod +x /run/slow/iptables-restore
minibridge run --rm true
minibridge create --name box -v /run/dead:/x -p 8080:80 sleep 1000`)
		before := quiet(t, m)
		dead := hosttest.NewDeadFS(t, "/run/dead")
		defer dead.End()
		cmd := program("start", "box")
		cmd.Env = append(cmd.Environ(), "PATH=/run/slow:"+os.Getenv("PATH"))
		start(t, cmd)
		dead.Take(t)
		m.Sh(t, "echo go >/run/go; timeout 60 minibridge run --rm true")
		if got := code(cmd); got != 1 {
			t.Errorf("exit code %d", got)
		}
		if after := quiet(t, m); after != before {
			t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
		}
		m.Sh(t, "minibridge run --rm -p 8080:80 true")
	})
}

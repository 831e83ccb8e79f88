package engine_test

import (
	"testing"

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
if grep -q 8080 /run/rules; then echo >/run/begun; read -r _ </run/never; fi # it dies with the command
exec /usr/sbin/iptables-restore "$@" </run/rules
EOF
chmod +x /run/slow/iptables-restore
minibridge run --rm true
minibridge create --name idle true
`
	const cut = `PATH=/run/slow:$PATH minibridge run -d --name web -p 8080:80 sleep 1000 &
read -r _ </run/begun
supervisor=$(pgrep -f "^minibridge-supervisor web")
kill -STOP $supervisor
kill -9 $!
wait $! || true
`
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, rules)
		before := quiet(t, m)
		for _, verb := range []string{"ps -a", "rm -f web", "stop web", "create --name web true", "rename web other", "start web", "restart web", "publish web -p 80", "network connect none web"} {
			m.Sh(t, cut+"minibridge "+verb+" 2>&1 || true; if kill -0 $supervisor; then exit 1; fi 2>/run/said")
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

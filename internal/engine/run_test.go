package engine_test

import (
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

func TestTheExitCodeIsTheCommands(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		fails(t, m, "minibridge run --rm sh -c 'echo out; echo err >&2; exit 7' 2>/dev/null", 7, "out")
		fails(t, m, "minibridge run --rm sh -c 'echo out; echo err >&2; exit 7' >/dev/null", 7, "err")
		fails(t, m, "minibridge run --rm true", 0, "")
		fails(t, m, `minibridge run --rm sh -c 'sh -c "kill -SEGV \$\$"'`, 128+11, "")
		fails(t, m, "minibridge run --rm --network none sh -c 'exit 255'", 255, "")
		fails(t, m, "minibridge run --rm --network host sh -c 'exit 3'", 3, "")
		if files := left(t); len(files) > 0 {
			t.Errorf("left behind: %q", files)
		}
	})
}

func TestDetached(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		id := m.Sh(t, "minibridge run -d --name web -i sh -c 'echo up; read -r x; echo $x; exit 4'")
		if len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" {
			t.Errorf("it prints %q", id)
		}
		if got := status(t, "web"); !strings.HasPrefix(got, "Up ") {
			t.Errorf("it is %s", got)
		}
		waiting := program("wait", "web")
		out := start(t, waiting)
		m.Sh(t, "until minibridge logs web | grep -q up; do :; done; minibridge kill web")
		line(t, out, "137")
		if n := code(waiting); n != 0 {
			t.Errorf("wait: exit code %d", n)
		}
		if got := status(t, "web"); got != "Exited (137" {
			t.Errorf("it is %s", got)
		}
		if got := m.Sh(t, "minibridge logs web"); got != "up" {
			t.Errorf("the log says %q", got)
		}
		m.Sh(t, "minibridge rm web")
		if files := left(t); len(files) > 0 {
			t.Errorf("left behind: %q", files)
		}
	})
}

func TestRmWithoutAPerson(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --rm --name web -p 8000:80 sleep 1000")
		m.Sh(t, "minibridge stop -t 0 web")
		if files := left(t); len(files) > 0 {
			t.Errorf("left behind: %q", files)
		}
	})
}

// A run that fails leaves nothing, so the same name works at once.
func TestARunThatFailsLeavesNothing(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		dir := t.TempDir()
		m.Sh(t, "minibridge run -d --name other -p 8000:80 sleep 1000\n"+
			"echo no program >"+dir+"/file; echo id >"+dir+"/cid; mkdir "+dir+"/empty")
		taken := start(t, program("run", "--rm", "--network", "host", "-e", serveEnv+"=7000", self(t)))
		line(t, taken, "ready")
		before, files := quietBut(t, m, "other"), len(left(t))
		for flags, want := range map[string]struct {
			code int
			says string
		}{
			"nosuch":                                  {127, `exec: "nosuch": executable file not found in $PATH`},
			"-p 9000:90 -p 9000:90/udp nosuch":        {127, "nosuch"},
			"--network none nosuch":                   {127, "nosuch"},
			"--network host nosuch":                   {127, "nosuch"},
			"--network container:other nosuch":        {127, "nosuch"},
			"--rm nosuch":                             {127, "nosuch"},
			"/":                                       {126, "is a directory"},
			dir + "/file":                             {126, "permission denied"},
			"-w /nosuch/dir true":                     {0, ""}, // made, as Docker does
			"-u nosuchuser true":                      {125, "nosuchuser"},
			"--rootfs /nosuch true":                   {125, "/nosuch"},
			"--rootfs " + dir + "/empty true":         {127, "true"},
			"-p 8000:80 true":                         {125, "Bind for 0.0.0.0:8000 failed: port is already allocated (held by container other)"},
			"-p 9000:90 -p 8000:80 true":              {125, "held by container other"},
			"-p 127.0.0.1:8000:80 true":               {125, "held by container other"},
			"-p 7000:80 true":                         {125, "address already in use"},
			"-p 198.51.100.1:9000:80 true":            {125, "198.51.100.1"},
			"-p 172.17.255.255:9000:80 true":          {125, "failed to bind host port for 172.17.255.255:9000:172.17.0.3:80/tcp: cannot assign requested address"},
			"-p 224.0.0.1:9000:80 true":               {125, "cannot assign requested address"},
			"--network nosuch true":                   {125, "network nosuch not found"},
			"--network container:nosuch true":         {125, "No such container: nosuch"},
			"--cidfile " + dir + "/cid true":          {125, dir + "/cid"},
			"-v " + dir + "/file:/proc/nosuch/x true": {125, ""},
		} {
			name := "victim"
			out, code := m.Try("minibridge run --name " + name + " " + flags)
			if code != want.code || !strings.Contains(out, want.says) {
				t.Errorf("run %s: exit code %d, not %d: %s", flags, code, want.code, out)
			}
			if code == 0 {
				m.Sh(t, "minibridge rm "+name)
			}
			if now := left(t); len(now) != files {
				t.Errorf("run %s: left behind: %q", flags, now)
			}
			if after := quietBut(t, m, "other"); after != before {
				t.Errorf("run %s: left behind:\n%s", flags, hosttest.Diff(before, after))
			}
		}
		fails(t, m, "minibridge run --name other true", 125, `The container name "/other" is already in use by container "`+running(t, "other").ID+`"`)
		m.Sh(t, "minibridge run --name victim -p 9000:90 true")
	})
}

// quietBut is [quiet] while a container runs.
func quietBut(t *testing.T, m *hosttest.Machine, name string) string {
	t.Helper()
	veth := ""
	if wired := running(t, name).Wired(); len(wired) > 0 {
		veth = wired[0].Veth
	}
	return quietExcept(t, m, veth)
}

func TestJoiners(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := milestones(t, m)[2]
		m.Sh(t, "minibridge run -d --name web -p 8000:80 --hostname box sleep 1000")
		const look = "sh -c 'hostname; cat /etc/hosts; ip -br -4 addr show eth0 | tr -d \" \"'"
		if a, b := m.Sh(t, "minibridge exec web "+look), m.Sh(t, "minibridge run --rm --network container:web "+look); a != b || !strings.HasPrefix(a, "box\n") {
			t.Errorf("who joins sees\n%s\nnot\n%s", b, a)
		}
		joined := program("run", "--rm", "--name", "joiner", "--network", "container:web", "-e", serveEnv+"=80", self(t))
		out := start(t, joined)
		line(t, out, "ready")
		if got := m.Outside(t, asking(t, "192.0.2.1:8000")); got != "seen as 192.0.2.2" {
			t.Errorf("who joined is asked by web's port, and says %q", got)
		}
		m.Sh(t, "minibridge rm -f web") // its joiner goes on, cut off
		if got := status(t, "joiner"); !strings.HasPrefix(got, "Up ") {
			t.Errorf("the joiner is %s", got)
		}
		fails(t, m, "minibridge run --rm --network container:web true", 125, "No such container")
		m.Sh(t, "minibridge run --name stopped true")
		fails(t, m, "minibridge run --rm --network container:stopped true", 125, "cannot join network namespace of a non running container")
		m.Sh(t, "minibridge kill joiner; minibridge rm stopped")
		if n := code(joined); n != 137 {
			t.Errorf("the joiner's exit code is %d", n)
		}
		recovered(t, m, "after all", []string{before})
	})
}

func TestAContainerKeepsItsPortsToItself(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		run := program("run", "--rm", "--name", "web", "-i", "-p", "8000:80", "-p", "9000-9002:90-92/udp", "sh", "-c", "echo up; cat")
		stdin, err := run.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		line(t, start(t, run), "up")
		taken := []struct{ network, addr string }{
			{"tcp4", "0.0.0.0:8000"}, {"tcp4", "127.0.0.1:8000"}, {"tcp4", "192.0.2.1:8000"},
			{"udp4", "0.0.0.0:9000"}, {"udp4", "192.0.2.1:9002"},
		}
		for _, p := range taken {
			if err := listen(p.network, p.addr); err == nil {
				t.Errorf("%s %s can be had", p.network, p.addr)
			}
		}
		stdin.Close()
		if n := code(run); n != 0 {
			t.Errorf("exit code %d", n)
		}
		for _, p := range taken {
			if err := listen(p.network, p.addr); err != nil {
				t.Errorf("the moment that it has ended: %v", err)
			}
		}
	})
}

func TestEphemeralPortsAreNotGivenTwice(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "sysctl -qw net.ipv4.ip_local_port_range='40000 40003'")
		seen := map[state.Port]bool{}
		for _, name := range []string{"aa", "bb", "cc", "dd"} {
			m.Sh(t, "minibridge run -d --name "+name+" -p 80 sleep 1000")
			p := running(t, name).Ports[0]
			if seen[p] || p.HostPort < 40000 || p.HostPort > 40003 {
				t.Errorf("%s got %d", name, p.HostPort)
			}
			seen[p] = true
		}
		fails(t, m, "minibridge run --name ee -p 80 true", 125, "all ports are allocated")
		m.Sh(t, "minibridge rm -f bb; minibridge run --rm --name ee -p 80 true")
	})
}

package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ended(t, pid)
}

// only wants nothing to be left of a container but what ps -a shows.
func only(t *testing.T, name string) {
	t.Helper()
	c, err := testDirs.ContainerByName(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left(t) {
		base := filepath.Base(file)
		if base != name && base != c.ID || strings.HasPrefix(file, testDirs.Run) && !strings.HasPrefix(file, testDirs.Layers()) {
			t.Errorf("left behind: %s", file)
		}
	}
}

func TestASupervisorThatIsKilledTakesItsContainerAlong(t *testing.T) {
	for name, flags := range map[string]string{"root": "", "another user": "-u nobody ", "none": "--network none ", "host": "--network host "} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				before := milestones(t, m)[2]
				m.Sh(t, "minibridge run -d --name web -p 8000:80 -p 9000:90/udp "+flags+"sleep 1000")
				run := running(t, "web")
				kill(t, run.Supervisor.Pid)
				if got := status(t, "web"); got != "Exited (137" {
					t.Errorf("it is %s", got)
				}
				m.Sh(t, "minibridge run --rm --name next -p 8000:80 true") // the next verb
				if sandbox.Alive(run.Init.Pid, run.Init.Start) {
					t.Error("its command runs on")
				}
				only(t, "web")
				if after := quiet(t, m); after != before {
					t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
				}
				if got := status(t, "web"); got != "Exited (137" {
					t.Errorf("then it is %s", got)
				}
				fails(t, m, "minibridge wait web", 0, "137")
				m.Sh(t, "minibridge rm web")
				recovered(t, m, "removed", []string{before})
			})
		})
	}
}

// Whatever the next verb is, and whatever it says, nothing is left in the kernel
// then.
func TestTheNextVerbCleansUp(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge network create lab")
		for _, verb := range []string{
			"stop web", "kill web", "kill -s HUP web", "rm -f web", "ps", "inspect web", "logs web", "port web", "wait web", "exec web true",
			"rename web web2", "publish web -p 9000:90", "unpublish web -p 8000:80", "network connect lab web", "network disconnect bridge web",
			"network ls", "create --name other true", "script", "repair",
		} {
			m.Sh(t, "minibridge run -d --name web -p 8000:80 sleep 1000")
			kill(t, running(t, "web").Supervisor.Pid)
			m.Try("minibridge " + verb)
			if rules := m.Sh(t, "iptables-save | grep 8000 || true; ls /run/netns | grep web || true"); rules != "" {
				t.Errorf("after %s there is:\n%s", verb, rules)
			}
			m.Sh(t, "minibridge rm -f web web2 other")
		}
	})
}

func TestWhoIsAttachedToAKilledSupervisorIsTold(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		run := program("run", "--name", "web", "--rm", "sh", "-c", "echo up; exec sleep 1000")
		line(t, start(t, run), "up")
		kill(t, running(t, "web").Supervisor.Pid)
		if n := code(run); n != 137 {
			t.Errorf("exit code %d", n)
		}
		if err := testEngine(t).Recover(); err != nil {
			t.Fatal(err)
		}
		if files := left(t); len(files) > 0 {
			t.Errorf("left behind, of --rm: %q", files)
		}
	})
}

func TestTheCommandIsKilledFromTheHost(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := milestones(t, m)[2]
		run := program("run", "--name", "web", "-p", "8000:80", "sh", "-c", "echo up; exec sleep 1000")
		line(t, start(t, run), "up")
		kill(t, running(t, "web").Init.Pid)
		if n := code(run); n != 137 {
			t.Errorf("exit code %d", n)
		}
		only(t, "web") // by the supervisor itself
		if after := quiet(t, m); after != before {
			t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
		}
		if got := status(t, "web"); got != "Exited (137" {
			t.Errorf("it is %s", got)
		}
	})
}

func TestAContainerOutlivesItsCaller(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		fifo := filepath.Join(t.TempDir(), "fifo")
		m.Sh(t, "mkfifo "+fifo)
		run := program("run", "--name", "web", "-v", fifo+":"+fifo, "sh", "-c", "echo up; read -r x <"+fifo+"; echo more; echo done >"+fifo+"; exec sleep 1000")
		line(t, start(t, run), "up")
		kill(t, run.Process.Pid)
		code(run)
		m.Sh(t, "echo go >"+fifo+"; read -r x <"+fifo)
		if got := status(t, "web"); !strings.HasPrefix(got, "Up ") {
			t.Errorf("it is %s", got)
		}
		m.Sh(t, "minibridge stop -t 0 web")
		if got := m.Sh(t, "minibridge logs web"); got != "up\nmore" {
			t.Errorf("the log says %q", got)
		}
	})
}

// With the person, the command's standard input ends too, as Docker has it.
func TestStdinEndsWithTheCaller(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		run := program("run", "-i", "--name", "web", "sh", "-c", "echo up; cat; exit 4")
		if _, err := run.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		line(t, start(t, run), "up")
		kill(t, run.Process.Pid)
		fails(t, m, "timeout 10 minibridge wait web", 0, "4")
	})
}

func TestASupervisorThatIsAskedToEndStopsItsContainer(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name web sh -c 'trap \"exit 5\" TERM; echo up; while :; do :; done'")
		run := running(t, "web")
		grown(t, testDirs.Log(run.ID), 1)
		if err := unix.Kill(run.Supervisor.Pid, unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		ended(t, run.Supervisor.Pid)
		if got := status(t, "web"); got != "Exited (5" {
			t.Errorf("it is %s", got)
		}
		only(t, "web")
	})
}

func TestAfterAReboot(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.State(t)
		m.Sh(t, "minibridge run -d --name web -p 8000:80 sleep 1000")
		networks := m.Sh(t, "cat /var/lib/minibridge/networks/*")
		reboot(t, m, "web")
		if got := status(t, "web"); got != "Exited (255" {
			t.Errorf("it is %s", got)
		}
		fails(t, m, "minibridge wait web", 0, "255")
		m.Sh(t, "minibridge run -d --name next -p 8000:80 sleep 1000")
		if got := m.Sh(t, "cat /var/lib/minibridge/networks/*"); got != networks {
			t.Errorf("the networks are others:\n%s", hosttest.Diff(networks, got))
		}
		if got := status(t, "web"); got != "Exited (255" {
			t.Errorf("later it is %s", got)
		}
		m.Sh(t, "minibridge rm web; minibridge reset -f")
		m.WaitState(t, before)
	})
}

func TestWhoWaitsForAKilledSupervisorIsTold(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run -d --name web sh -c 'trap : TERM; while :; do :; done'")
		waiting, stopping := program("wait", "web"), program("stop", "-t", "60", "web")
		out, stopped := start(t, waiting), start(t, stopping)
		connected(t, running(t, "web"), 2)
		kill(t, running(t, "web").Supervisor.Pid)
		line(t, out, "137")
		line(t, stopped, "web")
		if a, b := code(waiting), code(stopping); a != 0 || b != 0 {
			t.Errorf("exit codes: %d of wait, %d of stop", a, b)
		}
		only(t, "web")
	})
}

// connected waits until so many clients are connected to a supervisor's
// socket.
func connected(t *testing.T, run *state.Run, n int) {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		b, err := os.ReadFile("/proc/net/unix")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(b), "/"+filepath.Base(testDirs.Socket(run.ID))+"\n") > n { // and the one that listens
			return
		}
		if time.Now().After(late) {
			t.Fatalf("fewer than %d are connected:\n%s", n, b)
		}
	}
}

// However often one looks, a container that ends by itself was never killed.
func TestHowItEndedIsKnownFromTheMomentThatItHas(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		e := testEngine(t)
		m.Sh(t, "minibridge run --rm true")
		for range 15 {
			m.Sh(t, "minibridge run -d --name web sh -c 'exit 4'")
			for got := "Up "; strings.HasPrefix(got, "Up "); {
				list, err := e.List(engine.ListOptions{All: true})
				if err != nil || len(list) != 1 {
					t.Fatalf("%v, %v", list, err)
				}
				if got = list[0].Status; strings.HasPrefix(got, "Exited (") && !strings.HasPrefix(got, "Exited (4)") {
					t.Fatalf("it is %s", got)
				}
			}
			fails(t, m, "minibridge wait web", 0, "4")
			m.Sh(t, "minibridge rm web")
		}
	})
}

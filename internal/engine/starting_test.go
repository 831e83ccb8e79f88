package engine_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

// A start that hangs ends with whoever has ordered it, and by each verb that
// ends containers, and leaves nothing.
func TestEndOfAStartThatHangs(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		m.Sh(t, "test -e /run/users || cp /etc/passwd /run/users")
		h := hosttest.NewHold(t, "/run/users")
		defer h.Release()
		for end, want := range map[string]int{
			"kill box": 125, "stop -t 1000 box": 125, "rm -f box": 125, "restart -t 1000 box": 125,
			"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -1,
		} {
			cmd := program("run", "--rm", "--name", "box", "-v", "/run/users:/etc/passwd", "sleep", "1000")
			start(t, cmd)
			h.Wait(t)
			if sig := unix.SignalNum(end); sig != 0 {
				cmd.Process.Signal(sig)
			} else {
				m.Try("minibridge " + end) // restart finds nothing to start
			}
			if got := code(cmd); got != want {
				t.Errorf("%s: exit code %d", end, got)
			}
			m.Sh(t, "until test -z \"$(minibridge ps -aq)\"; do :; done") // where nobody was there to wait
			recovered(t, m, end, stages)
		}
	})
}

// One that is started again stands as before.
func TestEndOfARestartThatHangs(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "cp /etc/passwd /run/users; minibridge run -d --name box -v /run/users:/etc/passwd sleep 1000")
		m.Sh(t, "test -e /run/users || cp /etc/passwd /run/users")
		h := hosttest.NewHold(t, "/run/users")
		defer h.Release()
		cmd := exec.Command("sh", "-c", "exec minibridge restart -t 0 box 2>&1")
		says := start(t, cmd)
		h.Wait(t)
		m.Sh(t, "minibridge kill box")
		line(t, says, "minibridge: Cannot restart container box: the container was stopped before its command was executed")
		if got := code(cmd); got != 1 {
			t.Errorf("exit code %d", got)
		}
		if got := status(t, "box"); got != "Exited (128" {
			t.Errorf("it is %q", got)
		}
		h.Release()
		m.Sh(t, "minibridge start box; minibridge exec box true")
	})
}

// Nobody has to wait for a start that hangs.
func TestLeavingAStartThatHangs(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, flags := range []string{"", "-it"} {
			m.Sh(t, "test -e /run/users || cp /etc/passwd /run/users; minibridge create --name box "+flags+" -v /run/users:/etc/passwd sleep 1000")
			h := hosttest.NewHold(t, "/run/users")
			defer h.Release()
			starting := program("start", "box")
			start(t, starting)
			h.Wait(t)
			run, p := running(t, "box"), sit(t, 24, 80)
			was := p.mode()
			for i, verb := range []string{"kill -s USR1 box", "attach box"} {
				cmd := p.starts(strings.Fields(verb)...)
				connected(t, run, 1+i)
				if got := interrupted(cmd); got != 130 {
					t.Errorf("%s: exit code %d", verb, got)
				}
			}
			if flags == "-it" {
				attached := p.starts("attach", "box")
				for p.mode() == was {
				}
				p.leave()
				if got := code(attached); got != 129 {
					t.Errorf("attach whose window is closed: exit code %d", got)
				}
			}
			fails(t, m, "minibridge publish box -p 9000:90", 1, "minibridge: container box is still being started\ntry: minibridge kill box")
			h.Release()
			if got := code(starting); got != 0 {
				t.Errorf("start: exit code %d", got)
			}
			m.Sh(t, "minibridge rm -f box")
		}
	})
}

// A supervisor that doesn't listen yet is waited for.
func TestASignalToASupervisorThatBegins(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run --name box sh -c 'test ! -e /srv/again && exec touch /srv/again; exec sleep 1000'")
		c, err := testDirs.ContainerByName("box")
		if err != nil {
			t.Fatal(err)
		}
		h := hosttest.NewHold(t, testDirs.Log(c.ID))
		defer h.Release()
		starting := program("start", "box")
		start(t, starting)
		h.Wait(t)
		m.Sh(t, "until minibridge ps -q | grep .; do :; done") // it is written down meanwhile
		cmd := program("kill", "-s", "USR1", "box")
		start(t, cmd)
		m.Sh(t, `until grep -q '"kill"' /run/minibridge/holder; do :; done`)
		h.Release()
		if a, b := code(starting), code(cmd); a != 0 || b != 0 {
			t.Errorf("exit codes %d of start, %d of kill", a, b)
		}
	})
}

// interrupted is the exit code of a program that is interrupted until it ends.
func interrupted(cmd *exec.Cmd) int {
	ended := make(chan int, 1)
	go func() { ended <- code(cmd) }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case got := <-ended:
			return got
		case <-tick.C:
			cmd.Process.Signal(unix.SIGINT)
		}
	}
}

// A round of its policy that hangs as it starts is no error, when somebody stops
// the container: it has ended as the last one did.
func TestStopOfARoundThatHangs(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir /run/x; cp /etc/passwd /run/users; minibridge run -d --name victim --restart always -v /run/x:/x -v /run/users:/etc/passwd sh -c 'until test -e /x/go; do sleep 0.01; done; exit 3'")
		h := hosttest.NewHold(t, "/run/users")
		defer h.Release()
		m.Sh(t, "touch /run/x/go")
		h.Wait(t)
		m.Sh(t, "minibridge stop victim")
		if st := victimState(t); st.Status != state.Exited || st.ExitCode != 3 || st.Error != "" {
			t.Errorf("it is %+v", st)
		}
	})
}

// What doesn't end, or doesn't answer, keeps reset from nothing.
func TestResetOfWhatHangs(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge run --rm true; minibridge reset -f")
		before := quiet(t, m)
		m.Sh(t, "test -e /run/users || cp /etc/passwd /run/users")
		h := hosttest.NewHold(t, "/run/users")
		defer h.Release()
		cmd := program("run", "--name", "box", "-v", "/run/users:/etc/passwd", "sleep", "1000")
		start(t, cmd)
		h.Wait(t)
		m.Sh(t, "minibridge run -d --name mute sleep 1000; minibridge run -d --name well sleep 1000")
		supervisor := running(t, "mute").Supervisor.Pid
		if err := syscall.Kill(supervisor, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		m.Sh(t, "minibridge reset -f")
		if got := code(cmd); got != 125 {
			t.Errorf("run: exit code %d", got)
		}
		if after := quiet(t, m); after != before {
			t.Errorf("it leaves:\n%s", hosttest.Diff(before, after))
		}
	})
}

// The name files of a container whose network is shared are read while the lock
// is held.
func TestJoinOneWithOddNameFiles(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		cmd := program("run", "--rm", "--name", "odd", "sh", "-c", "rm /etc/hosts; mkfifo /etc/hosts; exec 3<>/etc/hosts; echo made; exec sleep 1000")
		line(t, start(t, cmd), "made")
		fails(t, m, "minibridge run --rm --network container:odd true", 125, "minibridge: /etc/hosts of container odd: not a regular file")
	})
}

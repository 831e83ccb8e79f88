package engine_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

// resting runs a container that rests twice as long as last after its first
// round, which ended with 3; each later one ends with one more.
func resting(t *testing.T, m *hosttest.Machine, last time.Duration, flags string) *state.Run {
	t.Helper()
	m.Sh(t, "minibridge run -d --name victim --restart always "+flags+" sh -c 'until test -e /srv/go; do sleep 0.01; done; echo >>/srv/rounds; exit $((2 + $(wc -l </srv/rounds)))'")
	run := running(t, "victim")
	rested(t, run, last)
	waiting := program("wait", "victim")
	out := start(t, waiting)
	connected(t, run, 1)
	m.Sh(t, "minibridge exec victim touch /srv/go")
	line(t, out, "3")
	waiting.Wait()
	run, err := testDirs.ReadRun(run.ID)
	if err != nil || !run.Resting {
		t.Fatalf("it doesn't rest: %+v, %v", run, err)
	}
	return run
}

// rested writes down that a container has rested so long for this round.
func rested(t *testing.T, run *state.Run, last time.Duration) {
	t.Helper()
	file := testDirs.Running(run.ID) + "/run.json"
	record, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, fmt.Appendf([]byte("{"), "\"backoff\": %d,%s", last, record[1:]), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const aWhile = 30 * time.Second

// Nothing starts a container whose supervisor is killed while it rests: it has
// ended as its last round did.
func TestKilledWhileItRests(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		for _, next := range []string{"minibridge ps -a", "minibridge start victim; minibridge stop -t 0 victim", "minibridge rm victim; false"} {
			run := resting(t, m, aWhile, "-p 8000:80")
			before := *run.Before
			kill(t, run.Supervisor.Pid)
			if got := status(t, "victim"); got != "Exited (3" {
				t.Errorf("before anybody has cleaned up it is %s", got)
			}
			if _, code := m.Try(next); code == 0 {
				if strings.HasSuffix(next, "-a") {
					stood(t, m, next, before, stages)
				}
				m.Sh(t, "minibridge rm victim")
			}
			recovered(t, m, next, stages)
		}
	})
}

// Who waits while it rests is told of the next round's end, by the supervisor of
// that.
func TestWhoWaitsIsHandedOn(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		run := resting(t, m, 2*time.Second, "")
		waiting, again := program("wait", "victim"), program("wait", "victim")
		out, second := start(t, waiting), start(t, again)
		connected(t, run, 2)
		if status(t, "victim") != "Restarting (3" {
			t.Fatal("this machine is too slow")
		}
		line(t, out, "4")
		line(t, second, "4")
		if a, b := code(waiting), code(again); a != 0 || b != 0 {
			t.Errorf("exit codes %d and %d", a, b)
		}
		ended(t, run.Supervisor.Pid)
		m.Sh(t, "minibridge rm -f victim")
	})
}

// That it rests can't be written down: it does, all the same, and as often as its
// policy says.
func TestADiskThatIsFullWhenItBeginsToRest(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir -p "+testDirs.Root+"; mount -t tmpfs -o size=128k,mode=700 none "+testDirs.Root)
		m.Sh(t, "minibridge run -d --name victim --restart on-failure:1 -v /run:/host sh -c 'until test -e /host/go; do sleep 0.01; done; exit 3'")
		run := running(t, "victim")
		rested(t, run, time.Second)
		waiting := exec.Command("sh", "-c", "exec minibridge wait victim 2>&1")
		says := start(t, waiting)
		connected(t, run, 1)
		m.Sh(t, "cat /dev/zero 2>/dev/null >"+testDirs.Root+"/filler || touch /run/go")
		out, _ := io.ReadAll(says)
		waiting.Wait()
		if !regexp.MustCompile(`(?s)^WARNING: container victim has ended \(3\), which can't be written down yet: [^\n]*\n3\s*$`).Match(out) {
			t.Errorf("wait says %q", out)
		}
		if got := status(t, "victim"); got != "Restarting (3" {
			t.Fatalf("it is %s", got)
		}
		m.Sh(t, "rm "+testDirs.Root+"/filler")
		fails(t, m, "minibridge wait victim", 0, "3")
		if got := status(t, "victim"); got != "Exited (3" {
			t.Errorf("after its one restart it is %s", got)
		}
	})
}

// duringRounds does something to a container at twelve times of its first three
// rounds, after which it has ended, or runs.
func duringRounds(t *testing.T, do func(m *hosttest.Machine, i int) (how string)) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		for i := range 12 {
			m.Sh(t, "minibridge run -d --name victim -p 8000:80 --restart always false")
			<-time.NewTimer(time.Duration(i) * 35 * time.Millisecond).C
			how := fmt.Sprint(do(m, i), " ", i)
			if _, err := testDirs.ContainerByName("victim"); err == nil {
				if st := victimState(t); st.Status == state.Exited {
					stood(t, m, how, st, stages)
				}
				m.Sh(t, "minibridge rm -f victim")
			}
			recovered(t, m, how, stages)
		}
	})
}

// A stop holds, whatever the container is at: running, resting, being started.
func TestStoppedAtAnyTimeOfARound(t *testing.T) {
	duringRounds(t, func(m *hosttest.Machine, i int) string {
		verb := []string{"stop", "kill", "stop -t 0", "rm -f"}[i%4]
		m.Sh(t, "minibridge "+verb+" victim")
		if verb == "rm -f" {
			return verb
		}
		if st := victimState(t); st.Status != state.Exited || st.ExitCode != 1 && st.ExitCode != 137 {
			t.Fatalf("%s %d: it is %+v", verb, i, st)
		}
		return verb
	})
}

// Killed whenever: it runs, or has ended, and nothing of it is left.
func TestItsSupervisorIsKilledAtAnyTimeOfARound(t *testing.T) {
	duringRounds(t, func(*hosttest.Machine, int) string {
		c, err := testDirs.ContainerByName("victim")
		if err != nil {
			t.Fatal(err)
		}
		if run, err := testDirs.ReadRun(c.ID); err == nil {
			unix.Kill(run.Supervisor.Pid, unix.SIGKILL)
			ended(t, run.Supervisor.Pid)
		}
		orphans(t)
		if err := testEngine(t).Recover(); err != nil {
			t.Fatalf("recovery: %v", err)
		}
		return "killed for the time" // the next one may have had it already
	})
}

// Its port is somebody else's now: it has ended, and says why.
func TestItsPortIsTakenWhileItRests(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		resting(t, m, 100*time.Millisecond, "-p 8000:80")
		var other net.Listener
		for late := time.Now().Add(patience); other == nil; {
			var err error
			if other, err = net.Listen("tcp4", ":8000"); err != nil && time.Now().After(late) {
				t.Fatal(err)
			}
		}
		defer other.Close()
		for strings.HasPrefix(status(t, "victim"), "Restarting (") {
			m.Sh(t, "minibridge wait victim")
		}
		st := victimState(t)
		if st.Status != state.Exited || st.ExitCode < 3 || !regexp.MustCompile(`8000.*already (in use|allocated)`).MatchString(st.Error) {
			t.Errorf("it is %+v", st)
		}
		stood(t, m, "with its port taken", st, stages)
		other.Close()
		m.Sh(t, "minibridge start victim && minibridge stop victim")
		if st := victimState(t); st.Error != "" {
			t.Errorf("started again, it says %q", st.Error)
		}
		m.Sh(t, "minibridge rm -f victim")
		recovered(t, m, "removed", stages)
	})
}

// A command that has removed itself can't be executed again.
func TestItsCommandHasGone(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, `cp /bin/sh /srv/suicide
minibridge run -d --name victim --restart always /srv/suicide -c 'rm /srv/suicide; exit 6'`)
		for status(t, "victim") != "Exited (6" {
			m.Sh(t, "minibridge wait victim")
		}
		if st := victimState(t); !strings.Contains(st.Error, "no such file or directory") {
			t.Errorf("it is %+v", st)
		}
	})
}

// The command that was killed in the middle of a round is the supervisor of the
// one before: at whichever line, the container has ended as that did.
func TestKilledAtAnyLineOfARound(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		m.Sh(t, "minibridge run -d --name victim -p 8000:80 -p 9000:90/udp --restart always sleep 1000; minibridge stop -t 0 victim")
		before := victimState(t)
		for line := 1; ; line++ {
			how := fmt.Sprint("round ", line)
			if sacrifice(t, how) == 0 {
				t.Logf("%d lines", line-1)
				break
			}
			if got := status(t, "victim"); got != "Exited (137" && got != "Restarting (137" {
				t.Errorf("%s: before anybody has cleaned up it is %s", how, got)
			}
			if err := testEngine(t).Recover(); err != nil {
				t.Fatalf("%s: recovery: %v", how, err)
			}
			stood(t, m, how, before, stages)
		}
		m.Sh(t, "minibridge rm -f victim")
		recovered(t, m, "removed", stages)
	})
}

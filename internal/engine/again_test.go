package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// stood wants a container to be as it was before a start that came to nothing,
// and nothing of it to be in the kernel.
func stood(t *testing.T, m *hosttest.Machine, how string, before state.State, milestones []string) {
	t.Helper()
	c, err := testDirs.ContainerByName("victim")
	if err != nil {
		t.Fatalf("%s: %v", how, err)
	}
	if c.State != before {
		t.Fatalf("%s: it is %+v\nand was %+v", how, c.State, before)
	}
	only(t, "victim")
	if have := quiet(t, m); !slices.Contains(milestones, have) {
		t.Fatalf("%s: left behind:\n%s", how, hosttest.Diff(milestones[0], have))
	}
}

// victimState is what the record says of the container victim.
func victimState(t *testing.T) state.State {
	t.Helper()
	c, err := testDirs.ContainerByName("victim")
	if err != nil {
		t.Fatal(err)
	}
	return c.State
}

func TestKilledAtAnyLineOfAStart(t *testing.T) {
	for name, prepare := range map[string]string{
		"created": "minibridge create --name victim -p 8000:80 -p 9000:90/udp sleep 1000",
		"exited":  "minibridge run -d --name victim -p 8000:80 -p 9000:90/udp sleep 1000; minibridge stop -t 0 victim",
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				stages := milestones(t, m)[2:]
				m.Sh(t, prepare)
				before := victimState(t)
				for line := 1; ; line++ {
					how := fmt.Sprint("start ", line)
					if sacrifice(t, how) == 0 {
						t.Logf("%d lines", line-1)
						break
					}
					if err := testEngine(t).Recover(); err != nil {
						t.Fatalf("%s: recovery: %v", how, err)
					}
					stood(t, m, how, before, stages)
				}
				m.Sh(t, "minibridge rm -f victim")
				recovered(t, m, "removed", stages)
			})
		})
	}
}

// Whoever of the two is killed, the command or the supervisor, at any time: the
// container runs, or stands as before.
func TestKilledAtAnyTimeOfAStart(t *testing.T) {
	for _, who := range []string{"command", "supervisor"} {
		t.Run(who, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				stages := milestones(t, m)[2:]
				m.Sh(t, "minibridge create --name victim -p 8000:80 sleep 1000")
				begun := time.Now()
				m.Sh(t, "minibridge start victim")
				whole := time.Since(begun)
				const kills = 30
				for i := range kills {
					// One killed when it was up already may have died after its record was read.
					m.Sh(t, "minibridge stop -t 0 victim; minibridge repair")
					before := victimState(t)
					cmd := program("start", "victim")
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					pid, found := cmd.Process.Pid, true
					if who == "supervisor" {
						pid, found = child(t, cmd)
					}
					timer := time.AfterFunc(whole*time.Duration(i)/kills, func() {
						if found {
							unix.Kill(pid, unix.SIGKILL)
						}
					})
					cmd.Wait()
					timer.Stop()
					orphans(t)
					how := fmt.Sprintf("the %s is killed after %d/%d of a start", who, i, kills)
					if err := testEngine(t).Recover(); err != nil {
						t.Fatalf("%s: recovery: %v", how, err)
					}
					switch got := status(t, "victim"); {
					case strings.HasPrefix(got, "Up "): // it came too late
					case got == "Exited (137" && victimState(t).Started != before.Started: // it was killed while it ran
					case got == "Exited (128" && who == "supervisor": // the command saw it, and says why
						stood(t, m, how, victimState(t), stages)
					default:
						stood(t, m, how, before, stages)
					}
				}
				m.Sh(t, "minibridge rm -f victim")
				recovered(t, m, "removed", stages)
			})
		})
	}
}

// child waits for the first child of a program (proc_pid_task(5)); on a busy
// machine the program may have ended before it was seen.
func child(t *testing.T, cmd *exec.Cmd) (pid int, found bool) {
	t.Helper()
	began, err := sandbox.StartTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(patience); ; {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", cmd.Process.Pid))
		if err != nil || time.Now().After(late) {
			t.Fatal("it has no child: ", err)
		}
		if !sandbox.Alive(cmd.Process.Pid, began) {
			return 0, false
		}
		for _, file := range files {
			b, _ := os.ReadFile(file) // a thread may have ended
			if pids := strings.Fields(string(b)); len(pids) > 0 {
				pid, err := strconv.Atoi(pids[0])
				if err != nil {
					t.Fatal(err)
				}
				return pid, true
			}
		}
	}
}

// Of ten that start it at once, one does; the others find it running.
func TestStartedByManyAtOnce(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge create --name web -p 8000:80 sleep 1000")
		var cmds []*exec.Cmd
		for range 10 {
			cmd := program("start", "web")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			cmds = append(cmds, cmd)
		}
		for _, cmd := range cmds {
			if n := code(cmd); n != 0 {
				t.Errorf("exit code %d", n)
			}
		}
		supervisors := m.Sh(t, "grep -sac '^minibridge-supervisor' /proc/[0-9]*/cmdline | grep -c ':1$'")
		if supervisors != "1" {
			t.Errorf("%s supervisors", supervisors)
		}
	})
}

// Removed and started at the same time, it is there and runs, or it is not.
func TestRemovedWhileItIsStarted(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		for range 10 {
			m.Sh(t, "minibridge create --name web -p 8000:80 sleep 1000")
			starting := program("start", "web")
			if err := starting.Start(); err != nil {
				t.Fatal(err)
			}
			m.Sh(t, "minibridge rm -f web")
			if n := code(starting); n == 0 {
				m.Try("minibridge rm -f web") // it was removed before, and is started after all
			}
			recovered(t, m, "removed", stages)
		}
	})
}

// After a reboot the files that it changed are gone, and it starts.
func TestStartedAfterAReboot(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge network create --subnet 10.5.0.0/24 lab")
		m.Sh(t, "minibridge run -d --name web -p 80 --network lab --ip 10.5.0.2 sh -c 'test ! -e /srv/was; echo $?; touch /srv/was; exec sleep 1000'")
		log := testDirs.Log(running(t, "web").ID)
		grown(t, log, 1)
		written, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		port := m.Sh(t, "minibridge port web")
		reboot(t, m, "web")
		if got := status(t, "web"); got != "Exited (255" {
			t.Errorf("it is %s", got)
		}
		if got := m.Sh(t, "minibridge run --rm --network lab ip -br addr show dev eth0"); !strings.Contains(got, " 10.5.0.3/24 ") {
			t.Errorf("another one has its address: %s", got)
		}
		m.Sh(t, "minibridge start web")
		grown(t, log, written.Size()+1)
		if got := m.Sh(t, "minibridge logs web"); got != "0\n0" {
			t.Errorf("the log says %q", got)
		}
		if got := m.Sh(t, "minibridge port web"); got != port {
			t.Errorf("it has the port %s, and had %s", got, port)
		}
		m.Sh(t, "minibridge rm -f web")
		if files := left(t); len(files) > 0 {
			t.Errorf("left behind: %q", files)
		}
	})
}

// reboot leaves what a reboot leaves of a machine on which one container ran:
// the definitions, as they were last written, of another boot.
func reboot(t *testing.T, m *hosttest.Machine, name string) {
	t.Helper()
	c, err := testDirs.ContainerByName(name)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(testDirs.Container(c.ID), "container.json")
	record, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m.Sh(t, "cp -a "+engine.DefaultRoot+" /run/kept; minibridge reset -f; cp -a /run/kept/. "+engine.DefaultRoot+"; rm -r /run/kept")
	was := strings.Replace(string(record), c.State.Boot, "before", 1)
	if err := os.WriteFile(file, []byte(was), 0o600); err != nil {
		t.Fatal(err)
	}
}

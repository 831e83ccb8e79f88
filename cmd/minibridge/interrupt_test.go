package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// endless is a template that would take years.
const endless = `{{$a := split (printf "%9999s" "") ""}}{{range $a}}{{range $a}}{{range $a}}{{range $a}}{{end}}{{end}}{{end}}{{end}}`

// TestFirstInterruptEndsWhatWaits has verbs wait for what never comes, while
// they have nothing in hand: the first signal is enough.
func TestFirstInterruptEndsWhatWaits(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "minibridge network create lab; minibridge run -d --name web sh -c 'echo out; exec sleep 600'")
		pipe := filepath.Join(t.TempDir(), "pipe")
		if err := unix.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			pipe string // "" for a template
			argv string
			args []string
		}{
			{pipe, "run --rm --env-file PIPE true", nil},
			{pipe, "--dry-run run --env-file PIPE true", nil},
			{pipe, "create --label-file PIPE true", nil},
			{pipe, "run --rm --security-opt seccomp=PIPE true", nil},
			{pipe, "exec --env-file PIPE web true", nil},
			{"", "ps -a --format", []string{endless}},
			{"", "inspect web --format", []string{endless}},
			{"", "network ls --format", []string{endless}},
			{"", "network inspect lab --format", []string{endless}},
			{"", "info --format", []string{endless}},
			{"", "version --format", []string{endless}},
			{"", "events --since 1h --format", []string{`{{if .Type}}` + endless + `{{end}}`}},
		} {
			for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGTERM} {
				args := append(strings.Fields(strings.ReplaceAll(row.argv, "PIPE", row.pipe)), row.args...)
				t.Run(fmt.Sprint(row.argv, " ", sig), func(t *testing.T) {
					if got, want := interrupted(t, args, row.pipe, sig), 128+int(sig); got != want {
						t.Errorf("exit code %d, not %d", got, want)
					}
				})
			}
		}
		if got := m.Sh(t, "minibridge ps -aq | wc -l; ls /run/netns"); strings.TrimSpace(got) != "1\noutside\nweb" {
			t.Errorf("there are %q", got)
		}
	})
}

// interrupted gives the exit code of a command that gets one signal, once it
// waits for more from a pipe, or else for its CPU.
func interrupted(t *testing.T, args []string, pipe string, sig syscall.Signal) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "minibridge", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waits := func() bool { return cpuTime(t, cmd.Process.Pid) > 200*time.Millisecond }
	if pipe != "" {
		waits = func() bool { // open for writing fails until somebody reads (fifo(7))
			f, err := os.OpenFile(pipe, os.O_WRONLY|unix.O_NONBLOCK, 0)
			if err != nil {
				return false
			}
			t.Cleanup(func() { f.Close() })
			return true
		}
	}
	for !waits() {
		if ctx.Err() != nil {
			t.Fatal("it doesn't wait: ", args)
		}
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if ctx.Err() != nil {
		t.Fatalf("%q goes on", args)
	}
	return cmd.ProcessState.ExitCode()
}

// cpuTime is what a process has used so far (proc_pid_stat(5)).
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	var user, system int64
	_, after, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(after)
	fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	return time.Duration(user+system) * time.Second / 100 // USER_HZ
}

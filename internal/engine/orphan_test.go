package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// If it went on, it would put its rules there after the next verb has looked
// for them.
func TestIptablesDiesWithTheCommandThatRanIt(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		stages := milestones(t, m)[2:]
		restore, err := exec.LookPath("iptables-restore")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, pipe := range []string{"began", "go"} {
			if err := unix.Mkfifo(dir+"/"+pipe, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		slow := fmt.Sprintf("#!/bin/sh\necho $$ >%[1]s/began\nread go <%[1]s/go\nexec %[2]s \"$@\"\n", dir, restore)
		if err := os.WriteFile(dir+"/iptables-restore", []byte(slow), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := program("run", "-d", "-p", "8000:80", "sleep", "1000")
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		began, err := os.ReadFile(dir + "/began")
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(began)))
		if err != nil {
			t.Fatal(err)
		}
		cmd.Process.Kill()
		cmd.Wait()
		ended(t, pid)
		orphans(t)
		recovered(t, m, "killed while iptables-restore runs", stages)
	})
}

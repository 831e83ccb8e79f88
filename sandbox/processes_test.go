package sandbox_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/minibridge/minibridge/sandbox"
)

// A process in the caller's own PID namespace counts with what it has begun,
// and with nothing else of the caller's.
func TestProcessesWithoutANamespaceOfTheirOwn(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "exec 3<&0; cat <&3 & echo begun; wait")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = bufio.NewReader(out).ReadString('\n')
	}
	if err != nil {
		t.Fatal(err)
	}
	start, err := sandbox.StartTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := sandbox.Processes(cmd.Process.Pid, start)
	if err != nil || len(pids) != 2 || pids[0] != cmd.Process.Pid {
		t.Errorf("%v %v, not %d and one more", pids, err, cmd.Process.Pid)
	}
	if _, err := sandbox.Processes(cmd.Process.Pid, start+1); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("of another process with its number: %v", err)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
}

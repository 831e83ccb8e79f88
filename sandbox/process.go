package sandbox

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Process is the first process of a sandbox, or one that [Exec] added.
type Process struct {
	Pid int // in the caller's PID namespace
	// Start is when it began, in clock ticks since the boot: with Pid it names
	// the process for as long as the machine is up (proc_pid_stat(5), field 22).
	Start uint64
	// Terminal is the other end of the command's terminal, if it was given one:
	// what is written there it reads, and the other way round. It is there once
	// the command has been executed, and the caller's to close. Reading ends with
	// EIO when the process has been waited for and nobody else has the terminal
	// open any more (pts(4)).
	Terminal *os.File

	held    *os.File // the terminal, at the command's side
	proc    *os.Process
	control *os.File
	guest   *guest   // what a command in the PID namespace of another sandbox answers with; nil for others
	world   *os.File // its mount namespace, where that is all that holds its processes together; or nil
	admit   func() (io.Closer, error)
	release func() // lets the thread go that the process must not outlive
}

func newProcess(proc *os.Process, control *os.File) (*Process, error) {
	p := &Process{Pid: proc.Pid, proc: proc, control: control, release: func() {}}
	var err error
	if p.Start, err = StartTime(p.Pid); err != nil { // even a child that has ended is there until Wait
		return nil, p.fail(err)
	}
	return p, nil
}

// Signal sends a signal, through a pidfd. A process that has ended is
// [os.ErrProcessDone].
func (p *Process) Signal(sig syscall.Signal) error { return p.proc.Signal(sig) }

// Wait waits for the end of the process and returns its exit code, or 128 and
// the number of the signal that killed it.
func (p *Process) Wait() (int, error) {
	defer p.release()
	defer p.held.Close()  // if it has a terminal
	defer p.world.Close() // likewise
	state, err := p.proc.Wait()
	if err != nil {
		return 0, fmt.Errorf("wait for process %d: %w", p.Pid, err)
	}
	if p.world != nil {
		err = killAll(p.world)
	}
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal()), err
	}
	return status.ExitStatus(), err
}

// Kill ends a process that is not to go, and waits for its end.
func (p *Process) Kill() error {
	_ = p.control.Close() // closed before, if it was executed
	p.closeTerminal()
	if p.guest != nil {
		p.guest.close() // likewise
	}
	if err := p.Signal(unix.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_, err := p.Wait()
	return err
}

// Alive tells whether the process that had this pid and start time is still
// running; a zombie is not, one that can't be looked at is: on its end depends
// that what it has is taken down.
func Alive(pid int, start uint64) bool {
	alive, err := isAlive(pid, start)
	return alive || err != nil
}

// isAlive is an error where that can't be known, as without a descriptor to spare.
func isAlive(pid int, start uint64) (bool, error) {
	s, err := readStat(pid)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	return err == nil && s.start == start && !s.ended(), err
}

// StartTime is when a process began, as in [Process].Start.
func StartTime(pid int) (uint64, error) {
	s, err := readStat(pid)
	return s.start, err
}

// Parent is the parent of the process with this pid and start time. If it has
// ended, the error is [os.ErrProcessDone].
func Parent(pid int, start uint64) (int, error) {
	s, err := readStat(pid)
	if err != nil || s.start != start || s.ended() {
		return 0, os.ErrProcessDone
	}
	return s.parent, nil
}

// Signal sends a signal to the process with this pid and start time, and to no
// other that has the number by now. If it has ended, the error is
// [os.ErrProcessDone].
func Signal(pid int, start uint64, sig syscall.Signal) error {
	f, err := openProcess(pid, start)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.PidfdSendSignal(int(f.Fd()), sig, nil, 0)
	if err == unix.ESRCH {
		return os.ErrProcessDone
	}
	return err
}

// openProcess gives a pidfd. The start time is looked at once it is open: from
// there on it can't become another process.
func openProcess(pid int, start uint64) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return nil, os.ErrProcessDone
	}
	if err != nil {
		return nil, fmt.Errorf("pidfd_open %d: %w", pid, err)
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	alive, err := isAlive(pid, start)
	if err != nil || !alive {
		f.Close()
		return nil, cmp.Or(err, os.ErrProcessDone)
	}
	return f, nil
}

// stat is what /proc/PID/stat tells.
type stat struct {
	state   byte   // field 3
	parent  int    // field 4
	threads uint64 // field 20
	start   uint64 // field 22
}

// ended is true of a zombie. A process whose first thread has ended looks like
// one, and has its files, bound sockets among them, until its other threads have
// ended, too: all are killed at once, and go one by one.
func (s stat) ended() bool { return s.state == 'X' || s.state == 'Z' && s.threads <= 1 }

// readStat reads /proc/PID/stat. The second field, the program's name in
// brackets, can hold anything, so counting begins at the last bracket.
func readStat(pid int) (s stat, err error) {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:])) // from field 3 on
	if len(fields) < 20 {
		return s, fmt.Errorf("%s: %q is not as in proc_pid_stat(5)", path, data)
	}
	s.state = fields[0][0]
	if s.parent, err = strconv.Atoi(fields[1]); err != nil {
		return s, err
	}
	if s.threads, err = strconv.ParseUint(fields[17], 10, 64); err != nil {
		return s, err
	}
	s.start, err = strconv.ParseUint(fields[19], 10, 64)
	return s, err
}

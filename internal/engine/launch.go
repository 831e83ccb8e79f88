package engine

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// supervisorName is argv[0] of a supervisor, as ps shows it; its second word is
// the container's name.
const supervisorName = "minibridge-supervisor"

// A supervisor is the process that will own a container, seen from the command
// that started it. Until it has its order it waits; when the command ends
// first, it ends too.
type supervisor struct {
	*wire
	process state.Process
	cmd     *exec.Cmd
}

// launch starts a supervisor: the same program, in a session of its own, with
// one end of a socket pair and nothing else of ours.
func launch(label string) (*supervisor, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	theirs := os.NewFile(uintptr(fds[1]), "supervisor")
	defer theirs.Close()
	conn, err := fileConn(os.NewFile(uintptr(fds[0]), "supervisor"))
	if err != nil {
		return nil, err
	}
	// What a shell left open must not live on in the container.
	if err := unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC); err != nil && !errors.Is(err, unix.ENOSYS) {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        []string{supervisorName, label},
		Dir:         "/",
		Env:         supervisorEnv(),
		ExtraFiles:  []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	start, err := sandbox.StartTime(cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	process := state.Process{Pid: cmd.Process.Pid, Start: start}
	return &supervisor{wire: newWire(conn), process: process, cmd: cmd}, nil
}

// supervisorEnv is where the firewall's tools are found, and little room for
// garbage: a supervisor lives long and must stay small. A program built by
// `go build -cover` is told where to write what it ran.
func supervisorEnv() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "GOGC=25"}
	if dir, ok := os.LookupEnv("GOCOVERDIR"); ok {
		env = append(env, "GOCOVERDIR="+dir)
	}
	return env
}

// fileConn turns one end of a socket pair into a connection.
func fileConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return c.(*net.UnixConn), nil
}

// dismissal is how long a supervisor that is dismissed may take to end by itself:
// its sandbox is to be dead before what that was made of goes. One that waits in
// the kernel is not waited for: it is killed already, and does nothing more.
const dismissal = time.Second

// dismiss ends a supervisor that got no go, and waits for its end.
func (s *supervisor) dismiss() {
	s.close()
	timer := time.AfterFunc(dismissal, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	s.cmd.Wait()
}

// An order is all that a supervisor needs to know to start a container's
// command, which it does when the go comes. The bound sockets of the
// published ports come with the order, and after them the connections of those
// who wait for its end.
type order struct {
	Dirs      state.Dirs        `json:"dirs"`
	Firewall  string            `json:"firewall"`
	Container *state.Container  `json:"container"`
	Run       *state.Run        `json:"run"`
	Hostname  string            `json:"hostname"`
	Files     map[string]string `json:"files"`           // by their paths in the container
	Joined    state.Process     `json:"joined,omitzero"` // of the container whose network it shares
	PIDOf     state.Process     `json:"pid_of,omitzero"` // of the container whose PID namespace it shares
	IPCOf     state.Process     `json:"ipc_of,omitzero"` // of the container whose IPC namespace it shares
	Size      sandbox.Size      `json:"size"`            // of its terminal, if it is to have one
	Attach    bool              `json:"attach"`          // send output to the one who ordered, from the first byte
	Stdin     bool              `json:"stdin"`           // end its standard input when that one has gone
	Waiting   int               `json:"waiting"`         // how many wait for its end already
	sockets   []*os.File
	waiting   []*os.File
	lost      error // why not all of them came
}

// takeSockets hands over those that came.
func (o *order) takeSockets() []*os.File {
	files := o.sockets
	o.sockets = nil
	return files
}

// give sends the order and lets go of what comes with it: the supervisor holds
// that.
func (s *supervisor) give(o *order) error {
	files := append(o.takeSockets(), o.waiting...)
	err := s.sendFiles(files)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		return err
	}
	return s.sendJSON(frameOrder, o)
}

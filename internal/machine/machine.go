// Package machine runs a command in a private machine: network, mount, process,
// host name and IPC namespaces of its own, with an outside world one cable
// away. What the command does to its network, and everything it starts, is gone
// when it ends.
//
//	outside 192.0.2.2/24 eth0 ── uplink 192.0.2.1/24 [the machine]
//
// The root file system is the real one, and writable. /proc, /sys, /run and
// /var/lib/minibridge are the machine's own, as are /etc/hosts and
// /etc/resolv.conf; two empty files and an empty directory may be left where
// the real machine lacks one of the last three.
package machine

import (
	"context"
	"os/exec"

	"golang.org/x/sys/unix"
)

// arg0 is what the program is called when it is PID 1 of a machine.
const arg0 = "minibridge-machine"

// Command returns a command that runs argv in a machine of its own; a program
// that uses it calls [Init] first thing in main. Streams, environment, working
// directory, extra files and exit code are argv's; it ends with 128+n after
// signal n, with 127 if argv was not found, and with 125 if the machine could
// not be made. When ctx ends, or the caller, everything inside is killed.
//
// Start it on a goroutine whose thread stays: the kernel takes the end of the
// thread that forked for the end of the caller (prctl(2), PR_SET_PDEATHSIG).
func Command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = append([]string{arg0}, argv...)
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  unix.SIGKILL,
	}
	return cmd
}

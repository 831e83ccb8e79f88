package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// NetnsDir is where iproute2 looks for named network namespaces
// (ip-netns(8)).
const NetnsDir = "/run/netns"

// NS names a network namespace as `ip netns` does: a file in [NetnsDir]. The
// zero value is the one the program runs in.
type NS string

// IP is how a command for this namespace begins: "ip" or "ip -n web".
func (ns NS) IP() string {
	if ns == "" {
		return "ip"
	}
	return "ip -n " + Quote(string(ns))
}

// Exec is what stands before a program that is to run in this namespace:
// nothing, or "ip netns exec web ".
func (ns NS) Exec() string {
	if ns == "" {
		return ""
	}
	return "ip netns exec " + Quote(string(ns)) + " "
}

// Path is the file that names the namespace; "" for the zero value.
func (ns NS) Path() string {
	if ns == "" {
		return ""
	}
	return NetnsDir + "/" + string(ns)
}

// Gone is the undo of whatever is made inside the namespace: deleting the
// namespace takes it along, and quicker than by hand.
func (ns NS) Gone() *Leave {
	return &Leave{Why: "goes with the network namespace", NS: ns}
}

// Open opens the namespace's file; the caller closes it. It is an error to
// open the zero value.
func (ns NS) Open() (*os.File, error) {
	f, err := os.Open(ns.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no network namespace %q: %w", string(ns), fs.ErrNotExist)
	}
	return f, err
}

// Enter moves the calling thread into the namespace, for good: only in
// [OnThread]. The zero value is where it is already.
func (ns NS) Enter() error {
	if ns == "" {
		return nil
	}
	file, err := ns.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	return enter(file)
}

func enter(file *os.File) error {
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", file.Name(), err)
	}
	return nil
}

// Do calls f with the calling thread in the namespace, and comes back. f may
// only make system calls, as what it starts on other goroutines runs elsewhere,
// and leaves the thread as it is.
func (ns NS) Do(f func() error) error {
	if ns == "" {
		return f()
	}
	file, err := ns.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	return Within(file, f)
}

// Within is [NS.Do] for the namespace of an open file. It panics when there is
// no way back: nothing may go on in a foreign namespace. That thread stays
// locked, and ends with its goroutine.
//
// To go and come back takes two system calls; a goroutine for it would take two
// changes of thread besides. Only the process's first thread stays where it is,
// as it is the one that /proc/self/ns shows.
func Within(file *os.File, f func() error) error {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		defer runtime.UnlockOSThread()
		return elsewhere(func() error { return Within(file, f) })
	}
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("the thread's own network namespace: %w", err)
	}
	defer unix.Close(own)
	if err := enter(file); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		if err := unix.Setns(own, unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("no way back from network namespace %s: %v", file.Name(), err))
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

package sandbox

import (
	"io"
	"os"
)

// A Command is what is executed in a sandbox, by whom, with which streams.
type Command struct {
	Args   []string // a name without a slash is looked up in the PATH of Env
	Env    []string // all of it; only HOME is added, from /etc/passwd, when it is not there or empty
	Dir    string   // where it starts; "" is /
	User   string   // USER[:GROUP], names or numbers as the sandbox knows them; "" is root
	Caps   Caps
	Limits []Limit
	// NoNewPrivs keeps set-user-ID programs and file capabilities from giving
	// it any (prctl(2), PR_SET_NO_NEW_PRIVS).
	NoNewPrivs bool
	// Unconfined is without the filter of system calls.
	Unconfined bool

	// Terminal, unless nil, gives it a new terminal of this size (pts(4)), which
	// is its three standard streams; the other end is [Process].Terminal.
	Terminal *Size

	// Admit, unless nil, is asked by [Exec] when all is ready: with an error the
	// command does not come into the sandbox. What it returns is closed once the
	// command is in there.
	Admit func() (io.Closer, error) `json:"-"`

	// The standard streams otherwise; nil is /dev/null. Start keeps no copy of them.
	Stdin, Stdout, Stderr *os.File `json:"-"`
}

// A Config describes a sandbox and its first process.
type Config struct {
	Command

	Root       Root
	Hostname   string
	Domainname string
	Share      Share
	// Sysctls are parameters of the sandbox's IPC namespace, as sysctl(8) names
	// them: kernel.shmmax, fs.mqueue.msg_max.
	Sysctls map[string]string
	// Files are written, mode 0644, in place of what is at their paths, be it
	// a file or a symbolic link: /etc/hosts, /etc/hostname, /etc/resolv.conf.
	Files map[string]string
	Binds []Bind
	Tmpfs []Tmpfs
	// Init puts a small program in the place of PID 1, whose child the command
	// is: it passes signals on, and waits for orphans.
	Init bool
	// Unmasked withholds no part of /proc and /sys.
	Unmasked bool
	// ReadOnly keeps the command from writing to the root file system, all that
	// comes from the host and /run included: binds, tmpfs and /dev stay as they are.
	ReadOnly bool
}

// A Root says what the sandbox's file system is made of.
type Root struct {
	// Dir is the tree that is seen; nothing is written to it. "" is the
	// host's / with all that is mounted in it; any other has to be absolute,
	// and shows no file system mounted below it.
	Dir string
	// Layers is a directory for what the sandbox writes; it must not be
	// inside Dir's own file system (a tmpfs is good). Given again, it is used
	// on: the sandbox finds what an earlier one wrote.
	Layers string
	// Hide are directories of the host that the sandbox finds empty.
	Hide []string
}

// A Share says which namespaces a sandbox does not have of its own.
type Share struct {
	PID bool // the caller's: what the command leaves behind is killed when it has ended
	UTS bool // the caller's, with the host name
	IPC bool // the caller's, with its /dev/shm
	// PIDOf is the sandbox whose PID namespace it has, IPCOf the one whose IPC
	// namespace and /dev/shm; zero is none. In a PID namespace there can be no
	// Init but its own.
	PIDOf, IPCOf Peer
	// NoShm leaves out /dev/shm.
	NoShm bool
}

// A Peer is another sandbox, by its PID 1.
type Peer struct {
	Pid   int
	Start uint64
}

// A Bind shows a file or directory of the host in the sandbox.
type Bind struct {
	Source   string // exists
	Target   string // absolute, inside; made when missing
	ReadOnly bool
	Alone    bool // without what is mounted below
	Upper    bool // ReadOnly is about the mount itself, not about those below
}

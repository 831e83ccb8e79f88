package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// The directory of shared memory (shm_overview(7)), and the attributes of its mount.
const (
	shmDir   = "/dev/shm"
	shmAttrs = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
)

// cloneFlags are the namespaces that are new.
func (s Share) cloneFlags() uintptr {
	flags := uintptr(unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP)
	if !s.PID && s.PIDOf.Pid == 0 {
		flags |= unix.CLONE_NEWPID
	}
	if !s.UTS {
		flags |= unix.CLONE_NEWUTS
	}
	if !s.IPC && s.IPCOf.Pid == 0 {
		flags |= unix.CLONE_NEWIPC
	}
	return flags
}

// peers are what a sandbox is to have of others, as files from pidfdFD on; nil
// where it has its own.
type peers struct {
	files []*os.File
	guest *guest
}

func (p *peers) close() {
	for _, f := range p.files {
		f.Close() // one that isn't there is an error of no interest
	}
	if p.guest != nil {
		p.guest.close()
	}
}

// place keeps one that was opened.
func (p *peers) place(fd int, f *os.File, err error) error {
	p.files[fd-pidfdFD] = f
	return err
}

// open opens them. What belongs to a sandbox is that sandbox's to change: it
// may be anything by now.
func (s Share) open(args []string) (_ *peers, err error) {
	p := &peers{}
	if s.PIDOf.Pid == 0 && s.IPCOf.Pid == 0 {
		return p, nil
	}
	p.files = make([]*os.File, shmFD-pidfdFD+1)
	if s.PIDOf.Pid != 0 {
		err = p.openPID(s.PIDOf, args)
	}
	if err == nil && s.IPCOf.Pid != 0 {
		err = p.openIPC(s.IPCOf)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// openPID opens what it takes to live in another's PID namespace.
func (p *peers) openPID(of Peer, args []string) error {
	first, err := openProcess(of.Pid, of.Start)
	if err := p.place(pidfdFD, first, err); err != nil {
		return err
	}
	proc, err := mountOf(first, "/proc", unix.PROC_SUPER_MAGIC)
	if err := p.place(procFD, proc, err); err != nil {
		return err
	}
	if p.guest, p.files[statusFD-pidfdFD], err = newGuest(args); err != nil {
		return err
	}
	answer, err := p.guest.dup()
	return p.place(answerFD, answer, err)
}

// openIPC opens another's IPC namespace, and its shared memory.
func (p *peers) openIPC(of Peer) error {
	first, err := openProcess(of.Pid, of.Start)
	if err != nil {
		return err
	}
	defer first.Close()
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/ipc", of.Pid))
	if err := p.place(ipcFD, ns, err); err != nil {
		return err
	}
	shm, err := mountOf(first, shmDir, unix.TMPFS_MAGIC)
	if err := p.place(shmFD, shm, err); err != nil {
		return err
	}
	if !Alive(of.Pid, of.Start) { // else the namespace may be another's
		return os.ErrProcessDone
	}
	return nil
}

// mountOf copies a mount of a sandbox, alone, found by a path on which no link
// is followed; it has to be of this kind of file system (statfs(2)).
func mountOf(first *os.File, path string, magic int64) (mount *os.File, err error) {
	err = plan.OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil { // setns refuses a shared root and working directory
			return fmt.Errorf("unshare(CLONE_FS): %w", err)
		}
		if err := unix.Setns(int(first.Fd()), unix.CLONE_NEWNS); err == unix.ESRCH {
			return os.ErrProcessDone
		} else if err != nil {
			return fmt.Errorf("enter the sandbox's mount namespace: %w", err)
		}
		dir, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
			Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS,
		})
		if err != nil {
			return fmt.Errorf("%s of the other sandbox: %w", path, err)
		}
		defer unix.Close(dir)
		var st unix.Statfs_t
		if err := unix.Fstatfs(dir, &st); err != nil || int64(st.Type) != magic {
			return fmt.Errorf("%s of the other sandbox is something else by now", path)
		}
		fd, err := unix.OpenTree(dir, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fmt.Errorf("open_tree %s: %w", path, err)
		}
		mount = os.NewFile(uintptr(fd), path)
		return setMountAttr(fd, shmAttrs)
	})
	if err != nil && mount != nil {
		mount.Close()
		mount = nil
	}
	return mount, err
}

// joinIPC enters the IPC namespace that the caller has opened.
func (o *order) joinIPC() error {
	if o.Share.IPCOf.Pid == 0 {
		return nil
	}
	defer unix.Close(ipcFD)
	if err := unix.Setns(ipcFD, unix.CLONE_NEWIPC); err != nil {
		return fmt.Errorf("enter the IPC namespace: %w", err)
	}
	o.shm = tree{File: os.NewFile(shmFD, shmDir), isDir: true}
	return nil
}

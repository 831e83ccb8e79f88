package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

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
	if !s.PID {
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

// open opens what a sandbox is to have of another one: ipcFD and shmFD.
func (s Share) open() (files []*os.File, err error) {
	if s.IPCOf.Pid == 0 {
		return nil, nil
	}
	first, err := openProcess(s.IPCOf.Pid, s.IPCOf.Start)
	if err != nil {
		return nil, err
	}
	defer first.Close()
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/ipc", s.IPCOf.Pid))
	if err == nil && !Alive(s.IPCOf.Pid, s.IPCOf.Start) {
		err = errors.Join(os.ErrProcessDone, ns.Close())
	}
	if err != nil {
		return nil, err
	}
	shm, err := shmOf(first)
	if err != nil {
		return nil, errors.Join(err, ns.Close())
	}
	return []*os.File{ns, shm}, nil
}

// shmOf copies the mount of a sandbox's /dev/shm. It is that sandbox's to
// change, so no link is followed on the way, and nothing but a tmpfs is taken.
func shmOf(first *os.File) (shm *os.File, err error) {
	err = plan.OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil { // setns refuses a shared root and working directory
			return fmt.Errorf("unshare(CLONE_FS): %w", err)
		}
		if err := unix.Setns(int(first.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the sandbox's mount namespace: %w", err)
		}
		dir, err := unix.Openat2(unix.AT_FDCWD, shmDir, &unix.OpenHow{
			Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS,
		})
		if err != nil {
			return fmt.Errorf("%s of the other sandbox: %w", shmDir, err)
		}
		defer unix.Close(dir)
		var st unix.Statfs_t
		if err := unix.Fstatfs(dir, &st); err != nil || st.Type != unix.TMPFS_MAGIC {
			return fmt.Errorf("%s of the other sandbox is no tmpfs any more", shmDir)
		}
		fd, err := unix.OpenTree(dir, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fmt.Errorf("open_tree %s: %w", shmDir, err)
		}
		shm = os.NewFile(uintptr(fd), shmDir)
		return setMountAttr(fd, shmAttrs)
	})
	if err != nil && shm != nil {
		shm.Close()
	}
	return shm, err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
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

// killAll ends every process of a mount namespace, and waits for their ends.
// Those that are born meanwhile are found by the next look.
func killAll(world *os.File) error {
	var ours unix.Stat_t
	if err := unix.Fstat(int(world.Fd()), &ours); err != nil {
		return err
	}
	for {
		dirs, err := filepath.Glob("/proc/[0-9]*")
		if err != nil {
			return err
		}
		found := false
		for _, dir := range dirs {
			pid, err := strconv.Atoi(filepath.Base(dir))
			if err != nil {
				continue
			}
			killed, err := killIn(pid, &ours)
			if err != nil {
				return err
			}
			found = found || killed
		}
		if !found {
			return nil
		}
	}
}

// killIn ends a process if it is in that mount namespace. The pidfd is opened
// first: what is looked at afterwards is that process, or one whose number the
// signal does not reach.
func killIn(pid int, ns *unix.Stat_t) (bool, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false, nil // it has gone
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/ns/mnt", pid), &st) != nil || st.Ino != ns.Ino || st.Dev != ns.Dev {
		return false, nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err == unix.ESRCH {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("kill %d: %w", pid, err)
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return true, err
		}
	}
}

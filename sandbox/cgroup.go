package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// ErrNoFreezer means that no file system of cgroups is mounted that has one.
var ErrNoFreezer = errors.New("neither a cgroup2 file system nor one of version 1 with the freezer is mounted")

// FindFreezer gives the folder of the cgroup that a process is in, in a
// hierarchy that can freeze (cgroups(7)): one of version 2 where there is one,
// in which a process that is frozen can be killed, else version 1's.
func FindFreezer(pid int) (cgroup string, v1 bool, err error) {
	mounts, err := findFreezers()
	if err != nil {
		return "", false, err
	}
	return mounts.of(pid)
}

// freezers are the mounts of hierarchies that can freeze.
type freezers []*mountinfo.Info

func findFreezers() (freezers, error) {
	return mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return m.FSType != "cgroup2" && !isFreezer1(m), false
	})
}

func (mounts freezers) of(pid int) (cgroup string, v1 bool, err error) {
	paths, err := cgroupsOf(pid)
	if err != nil {
		return "", false, err
	}
	for _, m := range mounts {
		if dir, ok := folder(m, paths[""]); m.FSType == "cgroup2" && ok {
			return dir, false, nil
		}
	}
	for _, m := range mounts {
		if dir, ok := folder(m, paths["freezer"]); isFreezer1(m) && ok {
			return dir, true, nil
		}
	}
	return "", false, ErrNoFreezer
}

func isFreezer1(m *mountinfo.Info) bool {
	return m.FSType == "cgroup" && strings.Contains(","+m.VFSOptions+",", ",freezer,")
}

// folder is where a mount shows a cgroup: it may show a part of all.
func folder(m *mountinfo.Info, path string) (dir string, ok bool) {
	inside, err := filepath.Rel(m.Root, path)
	if path == "" || err != nil || inside == ".." || strings.HasPrefix(inside, "../") {
		return "", false
	}
	dir = filepath.Join(m.Mountpoint, inside)
	there, err := exists(filepath.Join(dir, "cgroup.procs"))
	return dir, err == nil && there
}

// cgroupsOf are the paths of a process's cgroups, by controller; that of
// version 2 has none (/proc/PID/cgroup, cgroups(7)).
func cgroupsOf(pid int) (map[string]string, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil, os.ErrProcessDone
	}
	paths := make(map[string]string)
	for line := range strings.Lines(string(b)) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		for controller := range strings.SplitSeq(controllers, ",") {
			paths[controller] = path
		}
	}
	return paths, err
}

// CgroupAdd makes a cgroup (cgroups(7)).
type CgroupAdd struct{ Dir string }

func (s *CgroupAdd) String() string { return plan.Command("mkdir", s.Dir) }

// Apply makes the folder.
func (s *CgroupAdd) Apply() error { return os.Mkdir(s.Dir, 0o755) }

// Undo takes a cgroup of that name for the one meant: it has its owner's id.
func (s *CgroupAdd) Undo() (plan.Step, error) {
	there, err := exists(s.Dir)
	if there || err != nil {
		return nil, err
	}
	return &CgroupDel{Dir: s.Dir}, nil
}

// CgroupDel removes a cgroup. Processes that are in it go to the one above.
type CgroupDel struct {
	Dir string `json:"dir"`
}

// String goes on while processes in it make others.
func (s *CgroupDel) String() string {
	dir, in := plan.Command(s.Dir), func(file string) string { return plan.Command(filepath.Join(s.Dir, file)) }
	return fmt.Sprintf("while [ -d %s ] && ! rmdir %s; do for t in $(cat %s || cat %s); do echo $t > %s || true; done; done",
		dir, dir, in(threads2), in(threads1), plan.Command(filepath.Join(filepath.Dir(s.Dir), "cgroup.procs")))
}

// Apply tries again while processes in it make others.
func (s *CgroupDel) Apply() error {
	const tries = 1000
	for n := 1; ; n++ {
		err := unix.Rmdir(s.Dir)
		if err == unix.ENOENT {
			return nil
		}
		if err == nil || err != unix.EBUSY || n == tries {
			return wrapPath("rmdir", s.Dir, err)
		}
		if err := moveOut(s.Dir); err != nil {
			return err
		}
	}
}

func wrapPath(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// moveOut moves the processes of a cgroup to the one above, each by any of its
// threads.
func moveOut(dir string) error {
	tids, err := members(dir)
	for tid := range tids {
		err = errors.Join(err, enter(filepath.Dir(dir), tid))
	}
	return err
}

// The files of a cgroup that list its threads, of version 2 and 1. A process
// whose first thread has ended is not in cgroup.procs: the kernel moves only
// threads that live, and of version 2 it stays listed where it was.
const threads2, threads1 = "cgroup.threads", "tasks"

// members are the threads of a cgroup.
func members(dir string) (tids map[int]bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, threads2))
	if errors.Is(err, fs.ErrNotExist) {
		b, err = os.ReadFile(filepath.Join(dir, threads1))
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil, nil
	}
	tids = make(map[int]bool)
	for word := range bytes.FieldsSeq(b) {
		tid, err := strconv.Atoi(string(word))
		if err != nil {
			return nil, err
		}
		tids[tid] = true
	}
	return tids, err
}

// enter moves a process to a cgroup. One that has ended is in none.
func enter(dir string, pid int) error {
	err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

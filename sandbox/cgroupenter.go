package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/plan"
)

// CgroupEnter moves all processes of a sandbox, which has a PID namespace of
// its own ([HasProcesses]), to a cgroup. One that is frozen
// already stops each where it is, so that none can make others out there.
type CgroupEnter struct {
	Dir   string
	Pid   int    // of the sandbox's PID 1
	Start uint64 // and when it began
}

// String goes over them three times: one that is out there yet may have made
// another meanwhile, or have ended.
func (s *CgroupEnter) String() string {
	return fmt.Sprintf("for n in 1 2 3; do for p in /proc/[0-9]*; do if [ $p/ns/pid -ef /proc/%d/ns/pid ]; then echo ${p#/proc/} > %s || true; fi; done; done",
		s.Pid, plan.Command(filepath.Join(s.Dir, "cgroup.procs")))
}

// Apply goes on until all are in there. Those that are out there make others,
// but no processes outrun so many looks unless the kernel keeps them out.
func (s *CgroupEnter) Apply() error {
	const looks = 1000
	mounts, err := findFreezers()
	if err != nil {
		return err
	}
	for range looks {
		outside, err := s.outside()
		if err != nil || len(outside) == 0 {
			return err
		}
		for _, pid := range outside {
			if err := s.bring(mounts, pid); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("processes stay outside of the cgroup %s", s.Dir)
}

// bring moves a process. When it has ended by then, its number can be a
// stranger's, anywhere on the machine. What stands still keeps its number: so
// it is looked at afterwards, and a stranger goes back to where it was or, born
// in between, to where its parent is.
func (s *CgroupEnter) bring(mounts freezers, pid int) error {
	was, known := mounts.home(pid)
	if err := enter(s.Dir, pid); err != nil {
		return err
	}
	ns, err := os.Readlink(pidNamespace(s.Pid))
	if err != nil || belongs(pid, ns) {
		return nil
	}
	now, there := mounts.home(pid)
	if !there || now.Dir != s.Dir {
		return nil
	}
	if !known || was.Start != now.Start {
		stat, err := readStat(pid)
		if err != nil {
			return nil
		}
		if was, known = mounts.home(stat.parent); !known {
			was.Dir = filepath.Dir(s.Dir)
		}
	}
	return enter(was.Dir, pid)
}

// Undo remembers those that come from elsewhere than the cgroup above, to which
// the others go when this one ends; so does who is born as they come.
func (s *CgroupEnter) Undo() (plan.Step, error) {
	outside, err := s.outside()
	if err != nil || len(outside) == 0 {
		return nil, err
	}
	mounts, err := findFreezers()
	if err != nil {
		return nil, err
	}
	back := &CgroupReturn{}
	for _, pid := range outside {
		if home, ok := mounts.home(pid); ok && home.Dir != filepath.Dir(s.Dir) {
			back.Homes = append(back.Homes, home)
		}
	}
	if len(back.Homes) == 0 {
		return &plan.Leave{Why: "its processes go back when their cgroup goes"}, nil
	}
	return back, nil
}

// CgroupReturn moves processes back to the cgroups that they were in.
type CgroupReturn struct {
	Homes []CgroupHome `json:"homes"`
}

// A CgroupHome is the cgroup of a process.
type CgroupHome struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"`
	Dir   string `json:"dir"`
}

// home is the cgroup of a process that is there, where a mount shows it.
func (mounts freezers) home(pid int) (home CgroupHome, ok bool) {
	start, gone := StartTime(pid)
	dir, _, err := mounts.of(pid)
	return CgroupHome{Pid: pid, Start: start, Dir: dir}, err == nil && gone == nil
}

func (s *CgroupReturn) String() string {
	var lines []string
	for _, home := range s.Homes {
		lines = append(lines, fmt.Sprintf("echo %d > %s || true", home.Pid, plan.Command(filepath.Join(home.Dir, "cgroup.procs"))))
	}
	return strings.Join(lines, "; ")
}

// Apply leaves one where it is that has no home any more, or whose home takes
// no processes (cgroups(7), the "no internal processes" rule): what it is in is
// about to go, and takes it to the cgroup above.
func (s *CgroupReturn) Apply() error {
	for _, home := range s.Homes {
		if Alive(home.Pid, home.Start) {
			_ = enter(home.Dir, home.Pid)
		}
	}
	return nil
}

// outside are the processes of which a thread is not in the cgroup.
func (s *CgroupEnter) outside() ([]int, error) {
	all, err := Processes(s.Pid, s.Start)
	if err != nil {
		return nil, err
	}
	in, err := members(s.Dir)
	return slices.DeleteFunc(all, func(pid int) bool {
		return !slices.ContainsFunc(threadsOf(pid), func(tid int) bool { return !in[tid] && runs(tid) })
	}), err
}

// runs says whether a thread has not ended: one that has stays where it was.
func runs(tid int) bool {
	s, err := readStat(tid) // proc(5) has any thread by its number, though it lists only the first ones
	return err == nil && s.state != 'Z' && s.state != 'X'
}

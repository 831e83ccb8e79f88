package sandbox

import (
	"fmt"
	"path/filepath"
	"slices"

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
	for range looks {
		outside, err := s.outside()
		if err != nil || len(outside) == 0 {
			return err
		}
		for _, pid := range outside {
			if err := enter(s.Dir, pid); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("processes stay outside of the cgroup %s", s.Dir)
}

// Undo leaves it to the end of the cgroup.
func (s *CgroupEnter) Undo() (plan.Step, error) {
	outside, err := s.outside()
	if err != nil || len(outside) == 0 {
		return nil, err
	}
	return &plan.Leave{Why: "its processes go back when their cgroup goes"}, nil
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

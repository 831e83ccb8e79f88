package sandbox_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// A number that has become a stranger's before it is moved: the stranger goes on
// where it was.
func TestFreezeNoStranger(t *testing.T) {
	for name, mount := range cgroupKinds {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, mount)
				p := waiting(t, config())
				stranger, _, said := ticker(t, tickers["a shell"])
				above, v1, err := sandbox.FindFreezer(p.Pid)
				if err != nil {
					t.Fatal(err)
				}
				dir := filepath.Join(above, testCgroup())
				settle(t, m, dir+"-home", fmt.Sprint(stranger))
				place := fmt.Sprintf("cat /proc/%d/cgroup", stranger)
				before := m.Sh(t, place)
				add, enter := &sandbox.CgroupAdd{Dir: dir}, &sandbox.CgroupEnter{Dir: dir, Pid: p.Pid, Start: p.Start}
				if err := add.Apply(); err != nil {
					t.Fatal(err)
				}
				defer (&sandbox.CgroupDel{Dir: dir}).Apply()
				if err := (&sandbox.CgroupFreeze{Dir: dir, V1: v1}).Apply(); err != nil {
					t.Fatal(err)
				}
				defer (&sandbox.CgroupThaw{Dir: dir, V1: v1}).Apply()
				if err := enter.Bring(stranger); err != nil {
					t.Fatal(err)
				}
				if now := m.Sh(t, place); now != before {
					t.Fatalf("the stranger was in\n%s\nand is in\n%s", before, now)
				}
				said.await(t)
				if err := enter.Bring(p.Pid); err != nil {
					t.Fatal(err)
				}
				equal(t, "its own", m.Sh(t, fmt.Sprintf("grep -c /%s$ /proc/%d/cgroup", filepath.Base(dir), p.Pid)), "1")
			})
		})
	}
}

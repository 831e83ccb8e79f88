package hosttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/goleak"
)

// A snapshot is what a process has before its tests.
type snapshot struct {
	open  map[string]string
	netns string
}

func snap() snapshot {
	netns, _ := os.Readlink("/proc/self/ns/net")
	return snapshot{descriptors(), netns}
}

// descriptors lists the open files by number, but for those that the Go runtime
// opens when it first needs them.
func descriptors() map[string]string {
	open := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err != nil || target == "anon_inode:[eventpoll]" || target == "anon_inode:[eventfd]" {
			continue // unreadable: the directory's own descriptor
		}
		open[e.Name()] = target
	}
	return open
}

// leaks says in text what the tests left; nothing is "".
func leaks(before snapshot) string {
	var b strings.Builder
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(&b, err)
	}
	for fd, target := range descriptors() {
		if before.open[fd] != target {
			fmt.Fprintf(&b, "descriptor %s: %s\n", fd, target)
		}
	}
	for _, thread := range strays(before.netns) {
		fmt.Fprintf(&b, "a thread in another network namespace: %s\n", thread)
	}
	return b.String()
}

// strays are the threads that are in another network namespace than home. The
// first thread is one when a goroutine that moved got hold of it. One whose goroutine has ended needs a moment to end too, and no
// event tells of it.
func strays(home string) []string {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(time.Second)
	for {
		var found []string
		tasks, _ := filepath.Glob("/proc/self/task/*/ns/net")
		for _, task := range tasks {
			if ns, err := os.Readlink(task); err == nil && ns != home {
				found = append(found, task)
			}
		}
		if len(found) == 0 || time.Now().After(deadline) {
			return found
		}
		<-tick.C
	}
}

package sandbox_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// The pin lies outside of what a machine's state shows: by hand there is none.
var web = sandbox.NetnsAdd{Name: "web", Pin: "/run/pins/web"}

func TestNetnsTwin(t *testing.T) {
	t.Run("fresh", func(t *testing.T) { hosttest.Twin(t, &web) })
	t.Run("odd name", func(t *testing.T) {
		hosttest.Twin(t, &sandbox.NetnsAdd{Name: "it's $web", Pin: "/run/pins/odd"})
	})
	// On most machines /run is shared: a mount in the directory is there twice.
	t.Run("shared run", func(t *testing.T) {
		hosttest.Twin(t, &web, "mount --make-shared /run; mount --bind /run/netns /run/netns; mount --make-shared /run/netns")
	})
}

func TestNetnsInTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		prepare string
		op      sandbox.NetnsAdd
		want    string
	}{
		"a namespace": {"ip netns add web", web, `the namespace "web" in /run/netns is someone else's`},
		"a file":      {": > /run/netns/web", web, "/run/netns/web is in the way: a file that is no network namespace"},
		"a path":      {"", sandbox.NetnsAdd{Name: "../web"}, "can't be the name of a network namespace"},
		"no name":     {"", sandbox.NetnsAdd{}, "can't be the name of a network namespace"},
		"a long name": {"", sandbox.NetnsAdd{Name: strings.Repeat("x", 300)}, "can't be the name of a network namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, c.prepare)
				if _, err := c.op.Undo(); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, not %q", err, c.want)
				}
			})
		})
	}
}

// With the public name gone, only that is added, and only that taken back.
func TestNetnsNameRemoved(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		apply(t, &web)
		inode := inodeOf(t, web.Pin)
		m.Sh(t, "ip netns del web")
		undo, err := web.Undo()
		if err != nil || undo == nil {
			t.Fatalf("the name is gone, and the undo of adding it: %v, %v", undo, err)
		}
		apply(t, &web)
		if have := inodeOf(t, plan.NS(web.Name).Path()); have != inode {
			t.Errorf("another namespace: %d, not %d", have, inode)
		}
		apply(t, undo)
		if inodeOf(t, web.Pin) != inode || fileExists("/run/netns/web") {
			t.Error("the undo took more, or less, than the name")
		}
	})
}

// A stranger's namespace in the place of ours stays; ours goes, and what is
// left of the undo is nothing.
func TestNetnsReplaced(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		apply(t, &web)
		m.Sh(t, "ip netns del web; ip netns add web")
		undo := &sandbox.NetnsDel{Name: "web", Pin: web.Pin}
		if err := undo.Apply(); err == nil || !strings.Contains(err.Error(), "someone else's now: left alone") {
			t.Error(err)
		}
		if inodeOf(t, "/run/netns/web") == 0 || fileExists(web.Pin) {
			t.Error("theirs is gone, or ours isn't")
		}
		apply(t, undo)
		if inodeOf(t, "/run/netns/web") == 0 {
			t.Error("theirs is gone")
		}
	})
}

// Wherever the writer died, undo leaves nothing.
func TestNetnsHalfMade(t *testing.T) {
	for name, state := range map[string]string{
		"no file":            "",
		"pin's file":         "mkdir /run/pins; : > /run/pins/web",
		"pin":                "ip netns add x; mkdir /run/pins; : > /run/pins/web; mount --bind /run/netns/x /run/pins/web; ip netns del x",
		"public file":        "ip netns add x; mkdir /run/pins; : > /run/pins/web; mount --bind /run/netns/x /run/pins/web; ip netns del x; : > /run/netns/web",
		"public unmounted":   "ip netns add web; mkdir /run/pins; : > /run/pins/web; mount --bind /run/netns/web /run/pins/web; umount /run/netns/web",
		"all":                "ip netns add web; mkdir /run/pins; : > /run/pins/web; mount --bind /run/netns/web /run/pins/web",
		"pin without a name": "mkdir /run/pins; touch /run/pins/web; unshare -n mount --bind /proc/self/ns/net /run/pins/web",
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				before := m.State(t)
				m.Sh(t, state)
				apply(t, &sandbox.NetnsDel{Name: plan.NS(web.Name), Pin: web.Pin})
				if fileExists(web.Pin) {
					t.Error("the pin is still there")
				}
				m.WaitState(t, before)
				apply(t, &web) // and nothing is in the way of a new one
			})
		})
	}
}

// pinned is a namespace of ours, with its public name.
const pinned = "ip netns add web; mkdir /run/pins; : > /run/pins/web; mount --bind /run/netns/web /run/pins/web"

func TestNetnsRenameTwin(t *testing.T) {
	t.Run("bind", func(t *testing.T) { hosttest.Twin(t, &sandbox.NetnsBind{Name: "it's $site", Pin: web.Pin}, pinned) })
	t.Run("unbind", func(t *testing.T) { hosttest.Twin(t, &sandbox.NetnsUnbind{Name: "web", Pin: web.Pin}, pinned) })
}

// Under neither name is someone else's namespace, or file, touched.
func TestNetnsRenameInTheWay(t *testing.T) {
	op := &sandbox.NetnsBind{Name: "site", Pin: web.Pin}
	for name, c := range map[string]struct{ prepare, want string }{
		"a namespace": {"ip netns add site", `the namespace "site" in /run/netns is someone else's`},
		"a file":      {"echo theirs > /run/netns/site", "/run/netns/site is in the way: a file that is no network namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, pinned+"; "+c.prepare)
				before := m.State(t)
				if _, err := op.Undo(); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, not %q", err, c.want)
				}
				if err := op.Apply(); err == nil {
					t.Error("it was bound all the same")
				}
				m.WaitState(t, before)
			})
		})
	}
	t.Run("what is left of a killed one", func(t *testing.T) {
		hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
			m.Sh(t, pinned+"; : > /run/netns/site")
			apply(t, op)
			if inodeOf(t, "/run/netns/site") != inodeOf(t, web.Pin) {
				t.Error("it is not bound")
			}
		})
	})
	t.Run("the old name is theirs", func(t *testing.T) {
		hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
			m.Sh(t, pinned+"; ip netns del web; ip netns add web")
			theirs := inodeOf(t, "/run/netns/web")
			op := &sandbox.NetnsUnbind{Name: "web", Pin: web.Pin}
			if undo, err := op.Undo(); undo != nil || err != nil {
				t.Errorf("there is something to do: %v, %v", undo, err)
			}
			if err := op.Apply(); err == nil || inodeOf(t, "/run/netns/web") != theirs {
				t.Errorf("it was taken: %v", err)
			}
		})
	})
}

func TestNetnsInode(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		if _, err := sandbox.NetnsInode("/run/netns/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Error("no file:", err)
		}
		if n := inodeOf(t, "/etc/passwd"); n != 0 {
			t.Error("a file of another kind:", n)
		}
		if host, out := inodeOf(t, "/proc/self/ns/net"), inodeOf(t, "/run/netns/outside"); host == 0 || host == out {
			t.Error("the host's and another:", host, out)
		}
	})
}

func inodeOf(t *testing.T, path string) uint64 {
	t.Helper()
	n, err := sandbox.NetnsInode(path)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func apply(t *testing.T, s plan.Step) {
	t.Helper()
	if err := s.Apply(); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
}

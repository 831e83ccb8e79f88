package sandbox_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

const (
	noNetnsDir = "umount /run/netns/outside; rm /run/netns/outside; umount /run/netns; rmdir /run/netns"
	shared     = "findmnt -no TARGET,FSROOT,FSTYPE,PROPAGATION /run/netns"
)

// The directory of namespaces is set up as its commands, and as ip(8) itself,
// set it up; the undo leaves what was there before.
func TestNetnsDir(t *testing.T) {
	for name, prepare := range map[string]string{
		"no directory":   noNetnsDir,
		"a directory":    noNetnsDir + "; mkdir /run/netns",
		"/run is shared": noNetnsDir + "; mount --make-shared /run",
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, prepare)
				there := fileExists("/run/netns")
				var dir sandbox.NetnsDir
				undo, err := dir.Undo()
				if err != nil || undo == nil {
					t.Fatalf("before: %v, %v", undo, err)
				}
				apply(t, &dir)
				if again, err := dir.Undo(); again != nil || err != nil {
					t.Errorf("after: %v, %v", again, err)
				}
				have := m.Sh(t, shared)
				apply(t, undo)
				apply(t, undo)
				if fileExists("/run/netns") != there {
					t.Error("the directory is not as before")
				}
				if out, code := m.Try(shared); code == 0 {
					t.Error("still mounted:", out)
				}
				for _, byHand := range []string{dir.String(), "ip netns add x; ip netns del x"} {
					m.Sh(t, byHand)
					if want := m.Sh(t, shared); have != want {
						t.Errorf("is %q; after %q it is %q", have, byHand, want)
					}
					apply(t, undo)
				}
			})
		})
	}
}

// With somebody's namespace in it, the directory is not ours alone.
func TestNetnsDirInUse(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.State(t)
		apply(t, &sandbox.NetnsDirDel{Made: true})
		m.WaitState(t, before)
	})
}

func TestLayersTwin(t *testing.T) {
	t.Run("fresh", func(t *testing.T) {
		hosttest.Twin(t, &sandbox.LayersMount{Dir: "/run/minibridge/layers"})
	})
	t.Run("into a directory", func(t *testing.T) {
		hosttest.Twin(t, &sandbox.LayersMount{Dir: "/run/minibridge/a b"}, "mkdir -p '/run/minibridge/a b'")
	})
}

func TestLayersInTheWay(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir /run/layers; mount -t tmpfs theirs /run/layers")
		const want = "(tmpfs, theirs)"
		if _, err := (&sandbox.LayersMount{Dir: "/run/layers"}).Undo(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
		if err := (&sandbox.Unmount{Dir: "/run/layers", Made: true}).Apply(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
		m.Sh(t, "mountpoint /run/layers")
	})
}

// What is in use stays, and the error says how to find out by whom.
func TestLayersBusy(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		layers := &sandbox.LayersMount{Dir: "/run/layers"}
		undo, err := layers.Undo()
		if err != nil {
			t.Fatal(err)
		}
		apply(t, layers)
		fd, err := unix.Open("/run/layers", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := undo.Apply(); !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "fuser -vm /run/layers") {
			t.Error(err)
		}
		unix.Close(fd)
		apply(t, undo)
	})
}

// A directory reached by a symbolic link is known as mounted.
func TestLayersBySymlink(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir /run/real; ln -s real /run/link")
		layers := &sandbox.LayersMount{Dir: "/run/link/layers"}
		apply(t, layers)
		if undo, err := layers.Undo(); undo != nil || err != nil {
			t.Errorf("%v, %v", undo, err)
		}
	})
}

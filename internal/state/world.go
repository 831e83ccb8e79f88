package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// world is what all of the run folder speaks of.
type world struct {
	head
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
	Netns string `json:"netns"` // net:[4026531840]
}

// enterWorld makes sure that the run folder speaks of this boot and this
// network namespace. What an earlier boot left there is dropped: the kernel
// objects are gone.
func (d Dirs) enterWorld() error {
	now, err := worldNow()
	if err != nil {
		return err
	}
	w, err := d.readWorld()
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case w.Boot != now.Boot:
		if err := d.clearRun(); err != nil {
			return err
		}
	case w.Netns != now.Netns:
		return d.elsewhere(w.Netns, now.Netns)
	default:
		return nil
	}
	return write(d.worldFile(), now)
}

// Here is an error when the run folder speaks of another network namespace, or
// when nothing says of which it does.
func (d Dirs) Here() error {
	now, err := worldNow()
	if err != nil {
		return err
	}
	w, err := d.readWorld()
	if err == nil && w.Boot == now.Boot && w.Netns != now.Netns {
		return d.elsewhere(w.Netns, now.Netns)
	}
	return err
}

// HereBy is so, too, where nothing says of which it speaks, by the processes that
// take care of what is up, and live.
func (d Dirs) HereBy(pids []int) error {
	now, err := worldNow()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err == nil && theirs != now.Netns {
			return d.elsewhere(theirs, now.Netns)
		}
	}
	return nil
}

// HasWorld says whether anything tells what the run folder speaks of.
func (d Dirs) HasWorld() bool {
	_, err := os.Lstat(d.worldFile())
	return err == nil
}

func (d Dirs) worldFile() string { return filepath.Join(d.Run, "world") }

func (d Dirs) readWorld() (w world, err error) {
	err = read(d.worldFile(), &w)
	return w, err
}

func worldNow() (world, error) {
	boot, err := Boot()
	if err != nil {
		return world{}, err
	}
	netns, err := os.Readlink("/proc/thread-self/ns/net")
	return world{head{schema}, boot, netns}, err
}

func (d Dirs) elsewhere(theirs, mine string) error {
	return fmt.Errorf("%s is in use in another network namespace (%s, this is %s)", d.Run, theirs, mine)
}

func (d Dirs) clearRun() error {
	for _, sub := range []string{"journal", "containers", "leases", "members", "netns", "firewall.json"} {
		if err := os.RemoveAll(filepath.Join(d.Run, sub)); err != nil {
			return err
		}
	}
	return d.Make()
}

// Boot names this boot of the kernel.
func Boot() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(trimNewline(b)), err
}

func trimNewline(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		return b[:n-1]
	}
	return b
}

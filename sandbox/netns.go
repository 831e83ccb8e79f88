package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// NetnsAdd makes a named network namespace (ip-netns(8)). It is made in a
// directory of ours first, then bound to its public name: so the two files
// being one namespace is the proof that the public one is ours.
type NetnsAdd struct {
	Name string `json:"name"` // in /run/netns
	Pin  string `json:"pin"`  // our own file: /run/minibridge/netns/ID
}

func (s *NetnsAdd) String() string { return plan.Command("ip", "netns", "add", s.Name) }

// Apply makes what is missing of the two. [NetnsDir] comes before.
func (s *NetnsAdd) Apply() error {
	pin, _, err := named(s.Pin)
	if err != nil {
		return err
	}
	if pin == 0 {
		if err := makePin(s.Pin); err != nil {
			return err
		}
	}
	return publish(s.Pin, plan.NS(s.Name))
}

// publish gives the namespace of our own file a public name.
func publish(pin string, name plan.NS) error {
	public := name.Path()
	if err := touch(public, os.O_EXCL); err != nil { // EEXIST: Undo saw no such file
		return err
	}
	return bind(pin, public)
}

func bind(ns, path string) error {
	if err := unix.Mount(ns, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind the namespace to %s: %w", path, err)
	}
	return nil
}

// Undo knows the namespace by its inode. With our own file still there but no
// public name (ip netns del web), only the name would be added, and taken back.
func (s *NetnsAdd) Undo() (plan.Step, error) {
	if err := checkNetnsName(s.Name); err != nil {
		return nil, err
	}
	public := plan.NS(s.Name).Path()
	have, there, err := named(public)
	if err != nil {
		return nil, err
	}
	pin, _, err := named(s.Pin)
	switch {
	case err != nil:
		return nil, err
	case !there:
		return &NetnsDel{Name: plan.NS(s.Name), Pin: s.Pin, Keep: pin != 0}, nil
	case have == 0:
		return nil, fmt.Errorf("%s is in the way: a file that is no network namespace", public)
	case have != pin:
		return nil, fmt.Errorf("the namespace %q in %s is someone else's", s.Name, plan.NetnsDir)
	}
	return nil, nil
}

// NetnsDel removes the public name and our own file of a network namespace,
// and with them the namespace and what is in it, once no process is.
type NetnsDel struct {
	Name plan.NS `json:"name"`
	Pin  string  `json:"pin"`
	Keep bool    `json:"keep,omitempty"` // the public name alone
}

func (s *NetnsDel) String() string { return plan.Command("ip", "netns", "del", string(s.Name)) }

// Apply finishes what was left half made or half removed, too. Someone else's
// namespace under the public name is left alone, ours removed all the same.
func (s *NetnsDel) Apply() error {
	pin, _, err := named(s.Pin)
	if err != nil {
		return err
	}
	foreign := unname(s.Name, pin)
	if s.Keep {
		return foreign
	}
	return errors.Join(foreign, unbind(s.Pin, pin))
}

// Covers is for the public name, however it came back.
func (s *NetnsDel) Covers(later plan.Step) bool {
	switch o := later.(type) {
	case *NetnsDel:
		return o.Name == s.Name && o.Pin == s.Pin && (o.Keep || !s.Keep)
	case *NetnsUnbind:
		return o.Name == s.Name && o.Pin == s.Pin
	}
	return false
}

// unname removes the public name. Our own file is removed after it: without
// that one, nothing public can be ours.
func unname(name plan.NS, pin uint64) error {
	public := name.Path()
	have, there, err := named(public)
	if err != nil || !there || pin == 0 {
		return err
	}
	if have != 0 && have != pin {
		return &plan.NotOurs{What: fmt.Sprintf("the namespace %q in %s is someone else's now", string(name), plan.NetnsDir)}
	}
	return unbind(public, have)
}

// NetnsInode is the number of the network namespace that a file names, the
// same for every file that names it; 0 when the file names none. No such file
// is fs.ErrNotExist.
func NetnsInode(path string) (uint64, error) {
	var on unix.Statfs_t
	var st unix.Stat_t
	err := unix.Statfs(path, &on)
	if err == nil && on.Type == unix.NSFS_MAGIC {
		err = unix.Stat(path, &st)
	}
	if err != nil {
		return 0, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return st.Ino, nil // 0 on any other file system
}

// named is NetnsInode for a file that need not be there.
func named(path string) (inode uint64, there bool, err error) {
	inode, err = NetnsInode(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	return inode, err == nil, err
}

// makePin makes a namespace on a thread of its own, which ends with it, and
// binds it to the file. A file that is there already was left by a writer
// that died.
func makePin(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := touch(path, 0); err != nil {
		return err
	}
	return plan.OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("new network namespace: %w", err)
		}
		return bind("/proc/thread-self/ns/net", path)
	})
}

// touch makes an empty file for a namespace to be mounted on.
func touch(path string, flag int) error {
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|flag, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// unbind takes a namespace, unless its inode is 0, from a file, and removes
// the file.
func unbind(path string, inode uint64) error {
	if inode != 0 {
		// Detached, as it is busy for as long as someone has it open.
		if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func checkNetnsName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || len(name) > unix.NAME_MAX {
		return fmt.Errorf("%q can't be the name of a network namespace: it has to be one of a file", name)
	}
	return nil
}

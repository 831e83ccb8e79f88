package sandbox

import (
	"fmt"
	"os"

	"github.com/minibridge/minibridge/plan"
)

// NetnsBind gives a network namespace of ours one more public name. Together
// with [NetnsUnbind] it renames one: under one of its names it can be found at
// any time.
type NetnsBind struct {
	Name plan.NS `json:"name"`
	Pin  string  `json:"pin"` // our own file of it
}

func (s *NetnsBind) String() string {
	return plan.Command("touch", s.Name.Path()) + "\n" + plan.Command("mount", "--bind", s.Pin, s.Name.Path())
}

// Apply binds it, unless it is bound already.
func (s *NetnsBind) Apply() error {
	undo, err := s.Undo()
	if err != nil || undo == nil {
		return err
	}
	if leftover(s.Name.Path()) {
		return bind(s.Pin, s.Name.Path())
	}
	return publish(s.Pin, s.Name)
}

// leftover tells an empty file, which is what an unmounted name leaves: a
// [NetnsUnbind] that was cut short, or somebody's umount(8).
func leftover(path string) bool {
	file, err := os.Lstat(path)
	return err == nil && file.Mode().IsRegular() && file.Size() == 0
}

// Undo counts what else has the name as in the way.
func (s *NetnsBind) Undo() (plan.Step, error) {
	if err := checkNetnsName(string(s.Name)); err != nil {
		return nil, err
	}
	have, there, err := named(s.Name.Path())
	if err != nil {
		return nil, err
	}
	pin, _, err := named(s.Pin)
	switch {
	case err != nil:
		return nil, err
	case !there || have == 0 && leftover(s.Name.Path()):
		return &NetnsUnbind{Name: s.Name, Pin: s.Pin}, nil
	case have == 0:
		return nil, fmt.Errorf("%s is in the way: a file that is no network namespace", s.Name.Path())
	case have != pin:
		return nil, fmt.Errorf("the namespace %q in %s is someone else's", string(s.Name), plan.NetnsDir)
	}
	return nil, nil
}

// NetnsUnbind takes a public name from a network namespace of ours, which
// lives on.
type NetnsUnbind struct {
	Name plan.NS `json:"name"`
	Pin  string  `json:"pin"`
}

func (s *NetnsUnbind) String() string {
	return plan.Command("umount", s.Name.Path()) + "\n" + plan.Command("rm", s.Name.Path())
}

// Apply leaves someone else's namespace under that name alone.
func (s *NetnsUnbind) Apply() error {
	pin, _, err := named(s.Pin)
	if err != nil {
		return err
	}
	return unname(s.Name, pin)
}

// Undo is nothing for a name that isn't ours, or not any more.
func (s *NetnsUnbind) Undo() (plan.Step, error) {
	have, _, err := named(s.Name.Path())
	if err != nil {
		return nil, err
	}
	pin, _, err := named(s.Pin)
	if err != nil || pin == 0 || have != pin {
		return nil, err
	}
	return &NetnsBind{Name: s.Name, Pin: s.Pin}, nil
}

package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/driver/bridged"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// sweep takes down what is ours by its marks, after the journals: there is
// something only when one of them was lost. Whether the host's was, decides
// about what carries no mark.
func (s *session) sweep(hostLost bool) error {
	var steps []plan.Step // as a journal would have them: the last goes first
	var errs []error
	find := func(found []plan.Step, err error) {
		steps, errs = append(steps, found...), append(errs, err)
	}
	layers, err := s.leftLayers()
	if hostLost = hostLost || len(layers) > 0; hostLost {
		find([]plan.Step{&sandbox.NetnsDirDel{Made: true}}, s.sayForwarding(forwardKey))
	}
	find(layers, err)
	bridges, err := s.leftBridges()
	find(bridges, err)
	pins, err := s.leftNamespaces()
	find(pins, err)
	find(leftVeths(bridges, len(pins) > 0))
	rules, err := s.leftRules()
	find(rules, err)
	if hostLost && slices.ContainsFunc(rules, ofIPv6) { // without, it was none of ours
		errs = append(errs, s.sayForwarding(forwardKey6))
	}
	journal := &plan.Memory{}
	for _, step := range steps {
		errs = append(errs, journal.Append(step))
	}
	errs = append(errs, (&plan.Executor{Journal: journal, Trace: s.trace, Slow: s.sayLocked}).Down(0))
	return errors.Join(errs...)
}

// sayForwarding tells that the machine stays a router: only the host's journal
// knew whether it was one before.
func (s *session) sayForwarding(key string) error {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
	if err == nil && strings.TrimSpace(string(b)) == "1" {
		s.say("%s stays 1: nobody knows any more what it was before (sysctl -w %s=0)", key, key)
	}
	return err
}

func ofIPv6(step plan.Step) bool {
	rules, ok := step.(*nat.RulesDel)
	return ok && rules.Family == nat.IPv6
}

func (s *session) leftLayers() ([]plan.Step, error) {
	undo, err := (&sandbox.LayersMount{Dir: s.dirs.Layers()}).Undo()
	if err != nil || undo != nil { // not ours, or not there
		return nil, err
	}
	return []plan.Step{&sandbox.Unmount{Dir: s.dirs.Layers(), Made: true}}, nil
}

// leftBridges are those of the networks that there are records of. A link of
// somebody else's may have such a name while the network is down.
func (s *session) leftBridges() (left []plan.Step, err error) {
	networks, err := s.dirs.Networks()
	if err != nil {
		s.warn(err) // of a record that nobody will need any more
	}
	for _, n := range networks {
		if n.Bridge == "" {
			continue
		}
		mac := bridged.MAC(n.ID)
		if undo, err := (&bridge.BridgeAdd{Name: n.Bridge, MAC: mac}).Undo(); undo == nil && err == nil {
			left = append(left, &bridge.LinkDel{Name: n.Bridge, MAC: mac.String()})
		}
	}
	return left, nil
}

// leftNamespaces are those that have a file of ours, with all their names.
func (s *session) leftNamespaces() (left []plan.Step, err error) {
	pins, err := filepath.Glob(s.dirs.NetnsPin("*"))
	if err != nil || len(pins) == 0 {
		return nil, err
	}
	names, err := filepath.Glob(plan.NS("*").Path())
	if err != nil {
		return nil, err
	}
	for _, pin := range pins {
		id := filepath.Base(pin)
		left = append(left, &sandbox.NetnsDel{Name: plan.NS(id), Pin: pin}) // the file, after the names: none is called so
		inode, err := sandbox.NetnsInode(pin)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if other, err := sandbox.NetnsInode(name); inode != 0 && err == nil && other == inode {
				left = append(left, &sandbox.NetnsDel{Name: plan.NS(filepath.Base(name)), Pin: pin, Keep: true})
			}
		}
	}
	return left, nil
}

// leftVeths are the containers' on these bridges. Those on none are left by a
// namespace that is left, too: else they are about to go with theirs.
func leftVeths(bridges []plan.Step, loose bool) (left []plan.Step, err error) {
	if len(bridges) == 0 && !loose {
		return nil, nil
	}
	veths, err := bridge.Veths()
	for name, on := range veths {
		ours := slices.ContainsFunc(bridges, func(b plan.Step) bool { return b.(*bridge.LinkDel).Name == on })
		if ok, _ := filepath.Match(vethPrefix+"????????", name); ok && (ours || on == "" && loose) {
			left = append(left, &bridge.LinkDel{Name: name})
		}
	}
	return left, err
}

// leftRules are those of any firewall. It needs the tool that wrote them:
// without it there are none.
func (s *session) leftRules() ([]plan.Step, error) {
	rules, err := nat.Nftables().Sweep() // of iptables too
	if _, missing := errors.AsType[*nat.MissingToolError](err); missing {
		return nil, nil
	}
	return rules, err
}

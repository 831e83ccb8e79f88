package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// SysctlSet sets one kernel parameter (sysctl(8), proc(5)). Those under net
// belong to a network namespace.
type SysctlSet struct {
	NS    NS     `json:"ns,omitempty"`
	Key   string `json:"key"` // net.ipv4.ip_forward; with slashes when a device name in it has a dot
	Value string `json:"value"`
	If    string `json:"if,omitempty"` // unless empty, set only while the value is still this one
	// Then is set behind it, where there is still such a parameter: what the
	// kernel sets along with this one.
	Then []Sysctl `json:"then,omitempty"`
}

// A Sysctl is a kernel parameter and its value.
type Sysctl struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// DeviceKey is the key of a parameter that a device has, of the family ipv4 or
// ipv6. Written with slashes, a dot in the device's name stays a dot
// (sysctl(8)).
func DeviceKey(family, dev, name string) string {
	if strings.Contains(dev, ".") {
		return "net/" + family + "/conf/" + dev + "/" + name
	}
	return "net." + family + ".conf." + dev + "." + name
}

func (s *SysctlSet) String() string {
	set := s.NS.Exec() + "sysctl -qw " + Quote(s.Key+"="+s.Value)
	if len(s.Then) > 0 { // -e passes over those that are gone
		set = s.NS.Exec() + "sysctl -eqw " + Quote(s.Key+"="+s.Value)
	}
	for _, next := range s.Then {
		set += " " + Quote(next.Key+"="+next.Value)
	}
	if s.If == "" {
		return set
	}
	have := fmt.Sprintf("$(%ssysctl -n %s)", s.NS.Exec(), Quote(s.Key))
	if strings.Contains(s.If, " ") {
		have = "$(echo " + have + ")" // sysctl parts fields by tabs
	}
	return fmt.Sprintf("test \"%s\" != %s || %s", have, Quote(s.If), set)
}

// Apply sets the value. A conditional one whose parameter is gone, with its
// device, has succeeded.
func (s *SysctlSet) Apply() error {
	return s.NS.Do(func() error {
		if s.If != "" {
			have, err := read(s.Key)
			if errors.Is(err, fs.ErrNotExist) || err == nil && have != s.If {
				return nil
			}
			if err != nil {
				return err
			}
		}
		if err := os.WriteFile(path(s.Key), []byte(s.Value), 0); err != nil {
			return err
		}
		var errs []error
		for _, next := range s.Then {
			if err := os.WriteFile(path(next.Key), []byte(next.Value), 0); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	})
}

// Undo gives the old value back, if by then it is still ours.
func (s *SysctlSet) Undo() (Step, error) {
	var have string
	err := s.NS.Do(func() (err error) {
		have, err = read(s.Key)
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.NS != "":
		return s.NS.Gone(), nil // no namespace, or no device in it, yet
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(s.Key, "conf"):
		return &Leave{Why: s.Key + " goes with its device"}, nil // no device yet
	case err != nil:
		return nil, err
	case have == s.Value:
		return nil, nil
	case s.NS != "":
		return s.NS.Gone(), nil
	}
	then, err := alongWith(s.Key, have)
	return &SysctlSet{Key: s.Key, Value: have, If: s.Value, Then: then}, err
}

// Covers is for the same parameter, whatever it was meanwhile.
func (s *SysctlSet) Covers(later Step) bool {
	o, ok := later.(*SysctlSet)
	return ok && o.NS == s.NS && o.Key == s.Key && o.If == s.If
}

// alongWith are the parameters that the kernel sets to value along with one,
// and that have another value now: with a family's forwarding those of all
// devices, and of devices to come (Documentation/networking/ip-sysctl.rst).
func alongWith(key, value string) (others []Sysctl, err error) {
	conf := map[string]string{"net.ipv4.ip_forward": "net/ipv4/conf", "net.ipv6.conf.all.forwarding": "net/ipv6/conf"}[key]
	if conf == "" {
		return nil, nil
	}
	devices, err := os.ReadDir(proc + conf)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		key := conf + "/" + d.Name() + "/forwarding"
		have, err := read(key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its device has just gone
		}
		if err != nil {
			return nil, err
		}
		if have != value {
			others = append(others, Sysctl{key, have})
		}
	}
	return others, nil
}

// proc follows the calling thread: it shows its network namespace.
const proc = "/proc/sys/"

func path(key string) string {
	if strings.Contains(key, "/") {
		return proc + key
	}
	return proc + strings.ReplaceAll(key, ".", "/")
}

// read gives a value with its fields separated by one space, as they are written.
func read(key string) (string, error) {
	b, err := os.ReadFile(path(key))
	return strings.Join(strings.Fields(string(b)), " "), err
}

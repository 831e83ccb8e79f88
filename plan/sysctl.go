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
}

func (s *SysctlSet) String() string {
	set := fmt.Sprintf("%ssysctl -qw %s", s.NS.Exec(), Quote(s.Key+"="+s.Value))
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
			have, err := s.read()
			if errors.Is(err, fs.ErrNotExist) || err == nil && have != s.If {
				return nil
			}
			if err != nil {
				return err
			}
		}
		return os.WriteFile(s.path(), []byte(s.Value), 0)
	})
}

// Undo gives the old value back, if by then it is still ours.
func (s *SysctlSet) Undo() (Step, error) {
	var have string
	err := s.NS.Do(func() (err error) {
		have, err = s.read()
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
	return &SysctlSet{Key: s.Key, Value: have, If: s.Value}, nil
}

// path follows the calling thread: /proc/sys/net shows its network namespace.
func (s *SysctlSet) path() string {
	if strings.Contains(s.Key, "/") {
		return "/proc/sys/" + s.Key
	}
	return "/proc/sys/" + strings.ReplaceAll(s.Key, ".", "/")
}

// read gives the value with its fields separated by one space, as they are written.
func (s *SysctlSet) read() (string, error) {
	b, err := os.ReadFile(s.path())
	return strings.Join(strings.Fields(string(b)), " "), err
}

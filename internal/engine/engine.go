// Package engine is what the verbs mean. It chooses (names, addresses, ports),
// asks the leaves for plans, makes them true in order under the one lock, and
// runs the supervisors. It prints nothing but what a running program says.
//
// Its files are verbs (run.go, stop.go, rename.go …) and the rooms they share:
// session.go (the lock), recover.go, host.go, driver/… and
// container_plan.go (the three kinds of plan), supervisor.go and attach.go (the two ends of a
// container's streams), wire.go (what they say to each other).
package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/minibridge/minibridge/internal/driver"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// Defaults of the global flags.
const (
	DefaultRoot   = "/var/lib/minibridge"
	DefaultRunDir = "/run/minibridge"
)

// Spec is what a person asks of run: state keeps it, so that it can be
// started again.
type (
	Spec   = state.Spec
	Volume = state.Volume
	Mount  = state.Mount
	Wish   = state.Wish

	Restart = state.Restart
)

// Config is the global flags.
type Config struct {
	Root     string
	RunDir   string
	Firewall string    // "" for the one in use, or else DefaultFirewall
	Explain  io.Writer // -x: each command as it is done; nil for none
	Notice   io.Writer // warnings and other talk
	Waiting  io.Writer // who is waited for; nil = Notice
	// LastResort is for Reset, which needs not know what firewall is in use.
	LastResort bool
	// Holding, unless nil, hears that the lock is about to be taken, and that it
	// is not held any more.
	Holding func(bool)
}

// Engine does what the verbs say.
type Engine struct {
	dirs         state.Dirs
	firewall     nat.Backend
	firewallName string
	drivers      map[string]driver.Driver // by name
	explain      io.Writer
	notice       io.Writer
	waiting      io.Writer
	holding      func(bool)
	warned       *sync.Map // of the warnings that the person has had
}

// New checks the configuration. It changes nothing.
func New(c Config) (*Engine, error) {
	dirs := state.Dirs{Root: c.Root, Run: c.RunDir}
	name, err := chooseFirewall(c.Firewall, dirs)
	if _, unreadable := errors.AsType[*state.RecordError](err); unreadable && c.LastResort {
		io.WriteString(c.Notice, lostRecord(err))
		name, err = cmp.Or(c.Firewall, DefaultFirewall), nil
	}
	if err != nil {
		return nil, err
	}
	firewall, err := firewalls[name].backend(dirs)
	if err != nil {
		return nil, err
	}
	if c.Holding == nil {
		c.Holding = func(bool) {}
	}
	return &Engine{
		dirs:         dirs,
		firewall:     firewall,
		firewallName: name,
		drivers:      drivers(firewall, hasIPv6()),
		explain:      c.Explain,
		notice:       c.Notice,
		waiting:      cmp.Or(c.Waiting, c.Notice),
		holding:      c.Holding,
		warned:       new(sync.Map),
	}, nil
}

func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return err == nil
}

// say tells the person something that is no result.
func (e *Engine) say(format string, args ...any) {
	fmt.Fprintf(e.notice, format+"\n", args...)
}

// warn tells of what keeps the verb from nothing, and what to do about it: once,
// however often the verb comes to it.
func (e *Engine) warn(err error) { e.warnOnce(warning(err)) }

func warning(err error) string {
	text := fmt.Sprintf("WARNING: %v", err)
	if hint := Hint(err); hint != "" && !strings.Contains(text, hint) {
		text += "; try: " + hint
	}
	return text + "\n"
}

func (e *Engine) warnOnce(text string) {
	if _, told := e.warned.LoadOrStore(text, true); !told {
		io.WriteString(e.notice, text)
	}
}

// sayWaiting tells whom we wait for.
func (e *Engine) sayWaiting(format string, args ...any) {
	fmt.Fprintf(e.waiting, "waiting for "+format+"\n", args...)
}

// sayLocked tells whom a step waits for.
func (e *Engine) sayLocked() {
	if h, found := nat.FindLockHolder(); found {
		e.sayWaiting("%s: %s, has it", nat.LockFile(), h)
	}
}

// trace prints a step as `sh -x` would, with its reason. What needs no taking
// back is no command.
func (e *Engine) trace(step plan.Step, why string) {
	if _, nothing := step.(*plan.Leave); nothing || e.explain == nil {
		return
	}
	if why != "" {
		fmt.Fprintf(e.explain, "# %s\n", why)
	}
	fmt.Fprintf(e.explain, "%s\n", step)
}

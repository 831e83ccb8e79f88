package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// standFlags are those of a verb that stands between the person and a command.
type standFlags struct {
	keys  string
	proxy bool
}

// bindAll is for verbs that pass signals on, unless they are told not to.
func (f *standFlags) bindAll(flags *pflag.FlagSet) {
	flags.BoolVar(&f.proxy, "sig-proxy", true, "pass signals on to the container")
	f.bindKeys(flags)
}

func (f *standFlags) bindKeys(flags *pflag.FlagSet) {
	flags.StringVar(&f.keys, "detach-keys", "", "`keys` that leave a container with a terminal alone (default ctrl-p,ctrl-q)")
}

// of is the person's streams, with what the flags say of them.
func (f *standFlags) of(s engine.Streams) engine.Streams {
	s.DetachKeys, s.OwnSignals = f.keys, !f.proxy
	return s
}

// A streamsValue is a list of standard streams.
type streamsValue struct{ list *[]string }

func (v *streamsValue) String() string { return "" }

// Set adds one stream.
func (v *streamsValue) Set(s string) error {
	s = strings.ToLower(s)
	if !slices.Contains([]string{"stdin", "stdout", "stderr"}, s) {
		return errors.New("valid streams are STDIN, STDOUT and STDERR")
	}
	*v.list = append(*v.list, s)
	return nil
}

// Type is what help calls it.
func (v *streamsValue) Type() string { return "list" }

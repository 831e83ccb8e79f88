package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/internal/engine"
)

// A networkValue is --network, which may be given several times: a network's
// name, or Docker's long form, name=lab,alias=db,ip=10.1.0.5.
type networkValue struct {
	repeatable
	wishes *[]engine.Wish
}

func (v *networkValue) String() string { return "" }

// Type is what help calls it.
func (v *networkValue) Type() string { return "network" }

// longForm is how Docker tells the long form from a name.
var longForm = regexp.MustCompile(`\w=\w`)

// Set adds one network.
func (v *networkValue) Set(s string) error {
	w := engine.Wish{Network: s}
	if longForm.MatchString(s) {
		var err error
		if w, err = parseWish(s); err != nil {
			return err
		}
	}
	*v.wishes = append(*v.wishes, w)
	return nil
}

// parseWish reads the long form: fields as in a line of CSV (RFC 4180), of
// which alias and driver-opt may come several times.
func parseWish(s string) (w engine.Wish, err error) {
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return w, err
	}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		if !ok || key == "" {
			return w, fmt.Errorf("invalid field %s", field)
		}
		if err := setField(&w, strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)); err != nil {
			return w, err
		}
	}
	if w.Network == "" {
		return w, errors.New("network name/id is not specified")
	}
	return w, nil
}

func setField(w *engine.Wish, key, value string) (err error) {
	switch key {
	case "name":
		w.Network = value
	case "alias":
		w.Aliases = append(w.Aliases, value)
	case "ip":
		w.IP = value
	case "ip6":
		w.IP6 = value
	case "mac-address":
		w.MAC = value
	case "link-local-ip":
		return noLinkLocal(value)
	case "driver-opt":
		return addDriverOpt(w, value)
	case "gw-priority":
		w.Priority, err = strconv.Atoi(value)
		if number, ok := errors.AsType[*strconv.NumError](err); ok {
			return fmt.Errorf("invalid gw-priority (%s): %w", value, number.Err)
		}
	default:
		return fmt.Errorf("invalid field key %s", key)
	}
	return err
}

func addDriverOpt(w *engine.Wish, s string) error {
	key, value, ok := strings.Cut(s, "=")
	key = strings.TrimSpace(key)
	if !ok || key == "" {
		return errors.New("invalid key value pair format in driver options")
	}
	if w.DriverOpts == nil {
		w.DriverOpts = make(map[string]string)
	}
	w.DriverOpts[key] = strings.TrimSpace(value)
	return nil
}

// noLinkLocal refuses an address that Docker would add to the endpoint's own.
func noLinkLocal(string) error {
	return errors.New("a container has one address of each family on a network: there are no link-local ones beside them")
}

// endpoints are what all flags together ask of each network, and the network
// mode, which is the first one's name. What --ip and its like say is said of
// the first.
func (f *runFlags) endpoints() (mode string, all []engine.Wish, err error) {
	all = slices.Clone(f.networks)
	if len(all) == 0 {
		all = []engine.Wish{{Network: "bridge"}}
	}
	if err := joinWish(&all[0], f.endpoint); err != nil {
		return "", nil, err
	}
	return all[0].Network, all, checkNetworks(all)
}

// joinWish adds to what the long form said of a network what flags say of it;
// nothing may be said by both.
func joinWish(w *engine.Wish, flags engine.Wish) error {
	for _, both := range []struct {
		conflict   bool
		flag, long string
	}{
		{len(w.Aliases) > 0 && len(flags.Aliases) > 0, "--network-alias", "alias"},
		{w.IP != "" && flags.IP != "", "--ip", "IPv4 address"},
		{w.IP6 != "" && flags.IP6 != "", "--ip6", "IPv6 address"},
		{w.MAC != "" && flags.MAC != "", "--mac-address", "MAC address"},
	} {
		if both.conflict {
			return &engine.Error{Text: fmt.Sprintf("conflicting options: cannot specify both %s and per-network %s", both.flag, both.long)}
		}
	}
	w.Aliases = append(w.Aliases, flags.Aliases...)
	w.IP, w.IP6, w.MAC = w.IP+flags.IP, w.IP6+flags.IP6, w.MAC+flags.MAC
	return nil
}

// checkNetworks refuses networks that can't be together.
func checkNetworks(all []engine.Wish) error {
	var names []string
	own := 0 // that people made
	for _, w := range all {
		switch {
		case strings.TrimSpace(w.Network) == "":
			return &engine.Error{Text: "no name set for network"}
		case slices.Contains(names, w.Network):
			return &engine.Error{Text: fmt.Sprintf("network %q is specified multiple times", w.Network)}
		case engine.UserDefined(w.Network):
			own++
		}
		names = append(names, w.Network)
	}
	switch {
	case len(all) == 1 || own == len(all):
		return nil
	case own > 0:
		return &engine.Error{Text: "conflicting options: cannot attach both user-defined and non-user-defined network-modes", Hint: "minibridge network create …"}
	}
	return &engine.Error{Text: "container cannot be connected to network endpoints: " + strings.Join(names, ", ")}
}

// checkSysctl is Docker's rule for --sysctl: what belongs to a network or IPC
// namespace, and so to the container alone.
func checkSysctl(s string) error {
	key, _, ok := strings.Cut(s, "=")
	if !ok || !engine.Sysctl(key) {
		return fmt.Errorf("sysctl '%s' is not allowed", s)
	}
	return nil
}

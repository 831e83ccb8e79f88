package engine

import (
	"cmp"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
)

// UserDefined says whether a network mode names a network that people made.
func UserDefined(mode string) bool {
	predefined := []string{"", "default", defaultNetwork, "host", "none"}
	return !strings.HasPrefix(mode, "container:") && !slices.Contains(predefined, mode)
}

// optIfname is Docker's option of an endpoint that names its link.
const optIfname = "com.docker.network.endpoint.ifname"

// checkWishes refuses what no network could give, with the texts of Docker's
// command.
func checkWishes(spec *Spec) error {
	for _, w := range spec.Endpoints {
		if len(w.Aliases) > 0 && !UserDefined(w.Network) {
			return errorf("network-scoped aliases are only supported for user-defined networks")
		}
		if err := checkMAC(w.MAC); err != nil {
			return err
		}
		if strings.HasPrefix(w.Network, "container:") && w.IP+w.IP6 != "" {
			return errorf("invalid config for network %s: invalid endpoint settings:\n%s", w.Network, notOwn)
		}
	}
	return checkLinks(spec.Endpoints)
}

// checkLinks refuses names of links that can't be in one container.
func checkLinks(wishes []Wish) error {
	taken := make(map[string]string)
	for _, w := range wishes {
		if err := checkDriverOpts(&w); err != nil {
			return err
		}
		link := w.DriverOpts[optIfname]
		if other, ok := taken[link]; ok && link != "" {
			return errorf("networks %s and %s can't have the same link %q in one container", other, w.Network, link)
		}
		taken[link] = w.Network
	}
	return nil
}

func checkMAC(mac string) error {
	if mac == "" {
		return nil
	}
	hw, err := net.ParseMAC(mac)
	switch {
	case err != nil || len(hw) != 6:
		return errorf("%s is not a valid mac address", Printable(mac))
	case hw[0]&1 != 0 || slices.Max(hw) == 0: // is_valid_ether_addr, linux/etherdevice.h
		return errorf("%s is not a valid mac address (it is a group's, or nobody's)", mac)
	}
	return nil
}

// checkDriverOpts refuses options of Docker's that aren't here: one without
// effect is a trap. Others are a person's own.
func checkDriverOpts(w *Wish) error {
	for _, key := range slices.Sorted(maps.Keys(w.DriverOpts)) {
		value := w.DriverOpts[key]
		switch {
		case key == optIfname && !isDevice(value):
			return errorf("invalid interface name %q: 1 to %d bytes, without blanks and slashes", Printable(value), bridge.MaxName)
		case key != optIfname && strings.HasPrefix(key, "com.docker.network."):
			return errorf("unknown driver option %s: there is %s", Printable(key), optIfname)
		}
	}
	return nil
}

// isDevice is the kernel's rule for names of devices (dev_valid_name,
// net/core/dev.c), and a little more: those that `ip` writes unlike they are.
func isDevice(name string) bool {
	bad := strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`/:%+"@`, r) })
	return name != "" && len(name) <= bridge.MaxName && !bad && !slices.Contains([]string{".", "..", "lo", "all", "default"}, name)
}

// Docker's texts for what a network has no room for.
const (
	notOwn    = "user specified IP address is supported on user defined networks only"
	noNames   = "network-scoped alias is supported only for containers in user defined networks"
	noSubnet  = "user specified IP address is supported only when connecting to networks with user configured subnets"
	outOfBand = "no configured subnet or ip-range contain the IP address "
)

// checkEndpoint holds what is asked of an endpoint against its network.
func checkEndpoint(n *state.Network, w *Wish) error {
	var wrong []string
	if isPredefined(n.Name) {
		if w.IP+w.IP6 != "" {
			wrong = append(wrong, notOwn)
		}
		if len(w.Aliases) > 0 {
			wrong = append(wrong, noNames)
		}
	}
	ip, ok := parseFamily(w.IP, netip.Addr.Is4)
	if !ok {
		wrong = append(wrong, "invalid IPv4 address: "+Printable(w.IP))
	}
	ip6, ok := parseFamily(w.IP6, netip.Addr.Is6)
	if !ok {
		wrong = append(wrong, "invalid IPv6 address: "+Printable(w.IP6))
	}
	for _, of := range []struct {
		wish   string
		addr   netip.Addr
		subnet netip.Prefix
		chosen bool
	}{{w.IP, ip, n.Subnet, n.Chosen}, {w.IP6, ip6, n.Subnet6, n.Chosen6}} {
		switch {
		case of.wish == "":
		case of.chosen || !of.subnet.IsValid():
			wrong = append(wrong, noSubnet)
		case !of.subnet.Contains(of.addr):
			wrong = append(wrong, outOfBand+Printable(of.wish))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errorf("invalid endpoint settings:\n%s", bullets(wrong))
}

// parseFamily reads an address that has to be of one family; none is one too.
func parseFamily(s string, family func(netip.Addr) bool) (addr netip.Addr, ok bool) {
	if s == "" {
		return addr, true
	}
	addr, err := netip.ParseAddr(s)
	return addr, err == nil && family(addr) && !addr.IsUnspecified() && addr.Zone() == ""
}

// bullets is how Docker joins errors: one as it is, several as a list.
func bullets(errs []string) string {
	if len(errs) == 1 {
		return errs[0]
	}
	return "* " + strings.Join(errs, "\n* ")
}

// settle names each network of a new container as it is kept, and refuses those
// that aren't there, and what they can't give.
func settle(spec *Spec, all []*state.Network) error {
	if len(spec.Endpoints) == 0 {
		spec.Endpoints = []Wish{{Network: cmp.Or(spec.Network, defaultNetwork)}}
	}
	spec.Endpoints = slices.Clone(spec.Endpoints)
	seen := make(map[string]bool)
	for i := range spec.Endpoints {
		w := &spec.Endpoints[i]
		n, err := chosenNetwork(all, w.Network)
		if err != nil {
			return err
		}
		if seen[n.Name] {
			return errorf("network %q is specified multiple times", n.Name)
		}
		seen[n.Name] = true
		w.Network = n.Name
		if err := checkEndpoint(n, w); err != nil {
			return errorf("invalid config for network %s: %v", n.Name, err)
		}
	}
	spec.Network = spec.Endpoints[0].Network
	return checkSysctls(spec) // which of them can be set is known by the network's name
}

package bridged

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
)

// Docker's names of a bridge network's options.
const (
	optName       = "com.docker.network.bridge.name"
	optICC        = "com.docker.network.bridge.enable_icc"
	optMasquerade = "com.docker.network.bridge.enable_ip_masquerade"
	optBinding    = "com.docker.network.bridge.host_binding_ipv4"
	optMTU        = "com.docker.network.driver.mtu"
	optPrefix     = "com.docker.network.container_iface_prefix"
)

var known = []string{optName, optICC, optMasquerade, optBinding, optMTU, optPrefix}

// The limits of an MTU in bytes: the kernel's for a bridge and a veth
// (ETH_MIN_MTU, ETH_MAX_MTU, linux/if_ether.h), and IPv6's (RFC 8200, section 5).
const (
	minMTU  = 68
	minMTU6 = 1280
	maxMTU  = 65535
)

// options are those of a bridge network, with their defaults.
type options struct {
	name       string     // of the device; "" = made of the network's id
	icc        bool       // containers reach each other
	masquerade bool       // they go out as the host
	binding    netip.Addr // what -p without an address publishes on; invalid = every address
	mtu        int        // bytes; 0 = the kernel's 1500
	prefix     string     // of the devices in the containers
}

// parse reads what -o said, with Docker's texts. Options of
// Docker's that aren't here are an error that lists those that are; others are
// a person's own, kept as given.
func parse(n *state.Network) (o options, err error) {
	o = options{icc: true, masquerade: true, prefix: "eth"}
	for _, key := range slices.Sorted(maps.Keys(n.Options)) {
		value := n.Options[key]
		switch key {
		case optName:
			o.name = value
		case optICC:
			o.icc, err = strconv.ParseBool(value)
		case optMasquerade:
			o.masquerade, err = strconv.ParseBool(value)
		case optBinding:
			if o.binding, err = netip.ParseAddr(value); err != nil {
				err = errors.New("nil ip")
			} else if !o.binding.Is4() {
				err = errors.New("not an IPv4 address")
			}
		case optMTU:
			if o.mtu, err = strconv.Atoi(value); err == nil && o.mtu < 0 {
				return o, fmt.Errorf("invalid MTU number: %d", o.mtu)
			} else if err == nil && o.mtu != 0 && (o.mtu < minMTU || o.mtu > maxMTU) {
				return o, fmt.Errorf("invalid MTU number: %d: a link takes %d to %d", o.mtu, minMTU, maxMTU)
			} else if err == nil && o.mtu != 0 && o.mtu < minMTU6 && n.Subnet6.IsValid() {
				return o, fmt.Errorf("invalid MTU number: %d: IPv6 takes %d at least", o.mtu, minMTU6)
			}
		case optPrefix:
			o.prefix = cmp.Or(value, o.prefix)
		default:
			if strings.HasPrefix(key, "com.docker.network.") {
				return o, fmt.Errorf("unknown option %s: there are %s", key, strings.Join(known, ", "))
			}
		}
		if err != nil {
			return o, fmt.Errorf("failed to parse %s value: %s (%v)", key, value, err)
		}
	}
	return o, checkDeviceNames(o)
}

func checkDeviceNames(o options) error {
	if len(o.name) > bridge.MaxName {
		return fmt.Errorf("invalid bridge name %q: %d bytes, %d are allowed", o.name, len(o.name), bridge.MaxName)
	}
	for _, name := range []string{o.name, o.prefix} {
		bad := strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`/:%+"`, r) })
		if bad || name == "." || name == ".." {
			return fmt.Errorf("invalid device name in the options: %q", name)
		}
	}
	if len(o.prefix) > bridge.MaxName-3 {
		return fmt.Errorf("invalid device name in the options: %q: %d bytes, %d are allowed", o.prefix, len(o.prefix), bridge.MaxName-3)
	}
	return nil
}

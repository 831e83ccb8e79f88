package engine

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

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

var knownOptions = []string{optName, optICC, optMasquerade, optBinding, optMTU, optPrefix}

// bridgeOptions are the options of a bridge network, with their defaults.
type bridgeOptions struct {
	name       string     // of the device; "" = made of the network's id
	icc        bool       // containers reach each other
	masquerade bool       // they go out as the host
	binding    netip.Addr // what -p without an address publishes on; invalid = every address
	mtu        int        // bytes; 0 = the kernel's 1500
	prefix     string     // of the devices in the containers
}

// parseBridgeOptions reads what -o said, with Docker's texts. Options of
// Docker's that aren't here are an error that lists those that are; others are
// a person's own, kept as given.
func parseBridgeOptions(n *state.Network) (o bridgeOptions, err error) {
	o = bridgeOptions{icc: true, masquerade: true, prefix: "eth"}
	for _, key := range sortedKeys(n.Options) {
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
				return o, errorf("invalid MTU number: %d", o.mtu)
			}
		case optPrefix:
			o.prefix = cmp.Or(value, o.prefix)
		default:
			if strings.HasPrefix(key, "com.docker.network.") {
				return o, errorf("unknown option %s: there are %s", printable(key), strings.Join(knownOptions, ", "))
			}
		}
		if err != nil {
			return o, errorf("failed to parse %s value: %s (%v)", key, printable(value), err)
		}
	}
	return o, checkDeviceNames(o)
}

// maxDevice is the longest name of a device, in bytes (IFNAMSIZ-1, linux/if.h).
const maxDevice = 15

func checkDeviceNames(o bridgeOptions) error {
	if len(o.name) > maxDevice {
		return errorf("invalid bridge name %q: %d bytes, %d are allowed", o.name, len(o.name), maxDevice)
	}
	for _, name := range []string{o.name, o.prefix} {
		bad := strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`/:%+"`, r) })
		if bad || name == "." || name == ".." {
			return errorf("invalid device name in the options: %q", name)
		}
	}
	if len(o.prefix) > maxDevice-3 {
		return errorf("invalid device name in the options: %q: %d bytes, %d are allowed", o.prefix, len(o.prefix), maxDevice-3)
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

package engine

import (
	"net/netip"
	"strconv"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// A networkSettingsJSON is a container's network as inspect prints it. The
// flat fields repeat the endpoint on the default network.
type networkSettingsJSON struct {
	Bridge                 string
	SandboxID              string
	SandboxKey             string
	Ports                  bindingsJSON
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	SecondaryIPAddresses   []string
	SecondaryIPv6Addresses []string
	EndpointID             string
	Gateway                string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	MacAddress             string
	Networks               map[string]endpointJSON
}

type endpointJSON struct {
	IPAMConfig          *ipamConfigJSON
	Links               []string
	Aliases             []string
	MacAddress          string
	DriverOpts          map[string]string
	GwPriority          int
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	DNSNames            []string
}

// An ipamConfigJSON is the addresses that a person asked for.
type ipamConfigJSON struct {
	IPv4Address  string   `json:",omitempty"`
	IPv6Address  string   `json:",omitempty"`
	LinkLocalIPs []string `json:",omitempty"`
}

// hostSandboxKey names the host's own namespace.
const hostSandboxKey = "/proc/1/ns/net"

func networkSettingsOf(c *state.Container, run *state.Run, networks []*state.Network) (networkSettingsJSON, error) {
	j := networkSettingsJSON{Ports: bindingsJSON{}, Networks: map[string]endpointJSON{}}
	if run == nil {
		stoppedNetworks(&j, c, networks)
		return j, nil
	}
	if run.Joined == "" {
		j.SandboxID, j.SandboxKey = run.SandboxID, hostSandboxKey
		if run.Netns != "" {
			j.SandboxKey = plan.NS(run.Netns).Path()
		}
	}
	for _, at := range run.Endpoints {
		end := endpointOf(at, wishFor(c.Spec.Endpoints, at.Network))
		j.Networks[at.Network] = end
		if at.Network == defaultNetwork {
			j.EndpointID, j.Gateway, j.IPAddress, j.IPPrefixLen, j.MacAddress =
				end.EndpointID, end.Gateway, end.IPAddress, end.IPPrefixLen, end.MacAddress
			j.IPv6Gateway, j.GlobalIPv6Address, j.GlobalIPv6PrefixLen = end.IPv6Gateway, end.GlobalIPv6Address, end.GlobalIPv6PrefixLen
		}
	}
	_, way := wayOut(run)
	_, way6 := wayOut6(run)
	if !way && !way6 { // nothing is published, nor could it be
		return j, nil
	}
	ports, err := exposedPorts(&c.Spec)
	for _, p := range ports {
		j.Ports[portJSON(p.String())] = nil
	}
	for _, p := range run.Ports {
		for i := range p.Count {
			key := portJSON(portKey(p.Port+uint16(i), p.Proto))
			j.Ports[key] = append(j.Ports[key], bindingJSON{HostIP: p.HostIP.String(), HostPort: strconv.Itoa(int(p.HostPort) + i)})
		}
	}
	return j, err
}

// stoppedNetworks shows the networks that a container that doesn't run will be
// on; a network's id only when it has been there.
func stoppedNetworks(j *networkSettingsJSON, c *state.Container, networks []*state.Network) {
	for _, w := range c.Spec.Endpoints {
		end := endpointOf(state.Attachment{}, w)
		if n, err := findNetwork(networks, w.Network); err == nil && !c.State.Started.IsZero() {
			end.NetworkID = n.ID
			if UserDefined(w.Network) {
				end.DNSNames = namesOf(c, w.Aliases)
			}
		}
		j.Networks[w.Network] = end
	}
}

// endpointOf is an endpoint as it was asked for, and as it is.
func endpointOf(at state.Attachment, w state.Wish) endpointJSON {
	end := endpointJSON{
		Aliases: w.Aliases, DriverOpts: w.DriverOpts, GwPriority: w.Priority,
		NetworkID: at.NetworkID, EndpointID: at.EndpointID,
	}
	if w.IP != "" || w.IP6 != "" || w.Connected { // connect gives empty ones, where run gives none
		end.IPAMConfig = &ipamConfigJSON{IPv4Address: w.IP, IPv6Address: w.IP6}
	}
	if w.Connected {
		end.DriverOpts = notNil(end.DriverOpts)
		end.Aliases = append([]string{}, end.Aliases...)
	}
	if at.Dev == "" {
		return end
	}
	end.DNSNames = at.Names
	end.MacAddress = at.MAC.String()
	end.Gateway, end.IPv6Gateway = addrText(at.Gateway), addrText(at.Gateway6)
	if at.Address.IsValid() {
		end.IPAddress, end.IPPrefixLen = at.Address.Addr().String(), at.Address.Bits()
	}
	if at.Address6.IsValid() {
		end.GlobalIPv6Address, end.GlobalIPv6PrefixLen = at.Address6.Addr().String(), at.Address6.Bits()
	}
	return end
}

func notNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// addrText is an address, or nothing.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

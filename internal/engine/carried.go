package engine

import (
	"fmt"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// carryPlan says what a run's supervisor carries, and the commands that would
// do the same. In a script they are comments: they need socat, and nothing would
// end them.
func carryPlan(run *state.Run) (p plan.Plan) {
	in, ok := waysOf(run)
	why := "a container without IPv6: what comes by it, the container's supervisor carries, as these would"
	if in.ipv6.Address6.IsValid() {
		why = "nothing that comes from ::1, or a neighbour's fe80::, is led on: the container's supervisor carries it, as these would"
	}
	var commands []string
	for _, port := range run.Ports {
		if port.HostIP.Is6() && port.Proto != "sctp" {
			commands = append(commands, carrier(port, in))
		}
	}
	if ok && len(commands) > 0 {
		p.Do(&plan.Note{Text: strings.Join(commands, "\n")}, why)
	}
	return p
}

// carrier is what a person would type to carry a port, or each of a range.
func carrier(port state.Port, in entrance) string {
	listen, to := "TCP6-LISTEN", "TCP"
	if port.Proto == "udp" {
		listen, to = "UDP6-RECVFROM", "UDP"
	}
	target := in.target(port.HostIP)
	if target.Is6() {
		to += "6:[" + target.String() + "]"
	} else {
		to += "4:" + target.String()
	}
	bind := ""
	if !port.HostIP.IsUnspecified() {
		bind = ",bind=[" + port.HostIP.String() + "]"
	}
	socat := func(from, into string) string {
		return fmt.Sprintf("socat %s:%s,ipv6only,reuseaddr,fork%s %s:%s &", listen, from, bind, to, into)
	}
	if port.Count == 1 {
		return socat(fmt.Sprint(port.HostPort), fmt.Sprint(port.Port))
	}
	from, into := "$i", "$i"
	if shift := int(port.Port) - int(port.HostPort); shift != 0 {
		into = fmt.Sprintf("$((i%+d))", shift)
	}
	return fmt.Sprintf("for i in $(seq %d %d); do %s done", port.HostPort, int(port.HostPort)+port.Count-1, socat(from, into))
}

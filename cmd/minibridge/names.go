package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// checkDNS, checkDomain and checkExtraHost hold the values of flags about
// names to Docker's rules, with its texts.
func checkDNS(s string) error {
	if _, err := netip.ParseAddr(s); err != nil {
		return fmt.Errorf("IP address is not correctly formatted: %s", s)
	}
	return nil
}

// domain is one or more labels (RFC 1035, section 2.3.1; digits may begin one).
var domain = regexp.MustCompile(`^[a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?)*\.?$`)

func checkDomain(s string) error {
	if s != "." && (!domain.MatchString(s) || len(s) > 253) {
		return fmt.Errorf("%s is not a valid domain", s)
	}
	return nil
}

func checkExtraHost(s string) error {
	name, addr := splitExtraHost(s)
	if name == "" || addr == "" || strings.ContainsAny(name, " \t\n") {
		return fmt.Errorf("bad format for add-host: %q", s)
	}
	if _, err := netip.ParseAddr(addr); err != nil && addr != "host-gateway" {
		return fmt.Errorf("invalid IP address in add-host: %q", addr)
	}
	return nil
}

// splitExtraHost takes NAME:ADDRESS and NAME=ADDRESS, an IPv6 address in
// brackets or not.
func splitExtraHost(s string) (name, addr string) {
	i := strings.IndexAny(s, "=:")
	if i < 0 {
		return "", ""
	}
	addr = s[i+1:]
	if inner, ok := strings.CutPrefix(addr, "["); ok {
		addr = strings.TrimSuffix(inner, "]")
	}
	return s[:i], addr
}

// parseExtraHosts writes the values in one form.
func parseExtraHosts(values []string) (all []string) {
	for _, v := range values {
		name, addr := splitExtraHost(v)
		all = append(all, name+":"+addr)
	}
	return all
}

package nat

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParseExpose reads one value of --expose, PORT|RANGE[/PROTO], with Docker's
// error texts.
func ParseExpose(value string) ([]Port, error) {
	if strings.Contains(value, ":") {
		return nil, fmt.Errorf("invalid port format for --expose: %s", value)
	}
	number, asked := cutProto(value)
	first, last, err := parseRange(number)
	if err != nil {
		return nil, fmt.Errorf("invalid range format for --expose: %s, error: %w", value, err)
	}
	proto, err := parseProto(asked)
	if err != nil {
		return nil, err
	}
	if first == 0 {
		return nil, fmt.Errorf("invalid range format for --expose: %s, error: a port of a container is 1 to 65535", value)
	}
	return ports(first, last, proto), nil
}

// ParsePort reads a port as `port` takes it, PORT[/PROTO], with Docker's error
// texts.
func ParsePort(value string) (Port, error) {
	number, proto, _ := strings.Cut(value, "/")
	if proto == "" {
		proto = "tcp"
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return Port{}, fmt.Errorf("invalid port (%s): %w", number, err)
	}
	return Port{uint16(n), proto}, nil
}

// cutProto takes the protocol off a port; what stands behind a second slash
// counts for nothing.
func cutProto(value string) (number, proto string) {
	number, proto, _ = strings.Cut(value, "/")
	proto, _, _ = strings.Cut(proto, "/")
	return number, cmp.Or(proto, "tcp")
}

func parseProto(asked string) (string, error) {
	switch proto := strings.ToLower(asked); proto {
	case "tcp", "udp", "sctp":
		return proto, nil
	}
	return "", errors.New("invalid proto: " + asked)
}

// parseRange differs from go-connections' in its error texts, which here are
// those of Docker 28.
func parseRange(s string) (first, last uint16, err error) {
	if s == "" {
		return 0, 0, errors.New("empty string specified for ports")
	}
	from, to, isRange := strings.Cut(s, "-")
	lo, err := strconv.ParseUint(from, 10, 16)
	if err != nil || !isRange {
		return uint16(lo), uint16(lo), err
	}
	hi, err := strconv.ParseUint(to, 10, 16)
	if err != nil {
		return 0, 0, err
	}
	if hi < lo {
		return 0, 0, errors.New("invalid range specified for port: " + s)
	}
	return uint16(lo), uint16(hi), nil
}

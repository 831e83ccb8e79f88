package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// parseTime reads a time as Docker does: a duration before now, RFC 3339 with
// less of it too, or seconds since 1970. Its errors are Docker's, which are Go's
// own for what has a hyphen, as dates have.
func parseTime(s string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(s); err == nil && s != "0" {
		return now.Add(-ago), nil
	}
	t, err := time.ParseInLocation(timeLayout(s), s, time.Local)
	if err == nil || strings.Contains(s, "-") {
		return t, err
	}
	seconds, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(seconds, 10, 64)
	nsec, ferr := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil || ferr != nil {
		return time.Time{}, fmt.Errorf("failed to parse value as time or duration: %q", s)
	}
	return time.Unix(sec, nsec), nil
}

// timeLayout is as much of RFC 3339 as a time seems to have.
func timeLayout(s string) string {
	zone := ""
	if strings.ContainsAny(s, "zZ+") || strings.Count(s, "-") == 3 {
		zone = "Z07:00"
	}
	_, clock, hasClock := strings.Cut(s, "T")
	if i := strings.IndexAny(clock, "zZ+-"); i >= 0 {
		clock = clock[:i]
	}
	colons := strings.Count(clock, ":")
	switch {
	case strings.Contains(s, "."):
		return "2006-01-02T15:04:05.999999999" + zone
	case !hasClock:
		return time.DateOnly + zone
	case colons == 0:
		return "2006-01-02T15" + zone
	case colons == 1:
		return "2006-01-02T15:04" + zone
	}
	return "2006-01-02T15:04:05" + zone
}

package main

import (
	"testing"
	"time"
)

// The forms of a time that Docker takes, and its errors.
func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 26, 7, 0, 0, 0, time.Local)
	local := func(hour, minute, second int) time.Time {
		return time.Date(2020, 1, 1, hour, minute, second, 0, time.Local)
	}
	utc := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"0":                              time.Unix(0, 0),
		"0s":                             now,
		"1h30m":                          now.Add(-90 * time.Minute),
		"-1h":                            now.Add(time.Hour),
		"1.5h":                           now.Add(-90 * time.Minute),
		"2020-01-01":                     local(0, 0, 0),
		"2020-01-01T02":                  local(2, 0, 0),
		"2020-01-01T02:03":               local(2, 3, 0),
		"2020-01-01T02:03:04":            local(2, 3, 4),
		"2020-01-01T02:03:04.5":          local(2, 3, 4).Add(time.Second / 2),
		"2020-01-01Z":                    utc,
		"2020-01-01+00:00":               utc,
		"2020-01-01T00Z":                 utc,
		"2020-01-01T00:00Z":              utc,
		"2020-01-01T00:00:00Z":           utc,
		"2020-01-01T02:00+02:00":         utc,
		"2019-12-31T22:00:00-02:00":      utc,
		"2020-01-01T00:00:00.000000001Z": utc.Add(1),
		"2020-01-01T01:00:00.25+01:00":   utc.Add(time.Second / 4),
		"1577836800":                     utc,
		"1577836800.5":                   utc.Add(time.Second / 2),
		"1577836800.0000000019":          utc.Add(1),
	} {
		if have, err := parseTime(text, now); err != nil || !have.Equal(want) {
			t.Errorf("%q is %v, not %v: %v", text, have, want, err)
		}
	}
	for text, want := range map[string]string{
		"foo":                 `failed to parse value as time or duration: "foo"`,
		"":                    `failed to parse value as time or duration: ""`,
		" 1h":                 `failed to parse value as time or duration: " 1h"`,
		"1d":                  `failed to parse value as time or duration: "1d"`,
		"1.2.3":               `failed to parse value as time or duration: "1.2.3"`,
		"T":                   `failed to parse value as time or duration: "T"`,
		"2020-13-01":          `parsing time "2020-13-01": month out of range`,
		"20-1-1":              `parsing time "20-1-1" as "2006-01-02": cannot parse "20-1-1" as "2006"`,
		"-1577836800":         `parsing time "-1577836800" as "2006-01-02": cannot parse "-1577836800" as "2006"`,
		"2020-01-01 00:00:00": `parsing time "2020-01-01 00:00:00": extra text: " 00:00:00"`,
	} {
		if have, err := parseTime(text, now); err == nil || err.Error() != want {
			t.Errorf("%q is %v, %v, not %s", text, have, err, want)
		}
	}
}

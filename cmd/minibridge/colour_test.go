package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// shown is a text with names for its colours.
func shown(s string) string {
	return strings.NewReplacer(red, "<red>", green, "<green>", yellow, "<yellow>", blue, "<blue>", magenta, "<magenta>", cyan, "<cyan>", normal, "<>").Replace(s)
}

func TestPaintNetwork(t *testing.T) {
	onTerminal := terminal{width: 80, colour: true}
	for text, want := range map[string]string{
		"172.17.0.2/16":                       "<magenta>172.17.0.2/16<>",
		"0.0.0.0:8080->80/tcp":                "<magenta>0.0.0.0<>:8080->80/tcp",
		"[::]:8080->80/tcp":                   "[<blue>::<>]:8080->80/tcp",
		"fd00:8::7/64, fe80::1":               "<blue>fd00:8::7/64<>, <blue>fe80::1<>",
		`"02:42:ac:11:00:02"`:                 `"<yellow>02:42:ac:11:00:02<>"`,
		"minibr0 mb-0123456789ab mbv01234567": "<cyan>minibr0<> <cyan>mb-0123456789ab<> <cyan>mbv01234567<>",
		"eth0, eth12":                         "<cyan>eth0<>, <cyan>eth12<>",
		// these only look so
		"2026-11-26T07:06:48.843948918Z": "2026-11-26T07:06:48.843948918Z",
		"07:06:48":                       "07:06:48",
		"999.1.1.1 1.2.3 6.18.44-1":      "999.1.1.1 1.2.3 6.18.44-1",
		"minibridge ethernet a:b::":      "minibridge ethernet <blue>a:b::<>",
		"/etc:/q:ro std::string ::":      "/etc:/q:ro std::string <blue>::<>",
		"":                               "",
	} {
		if have := shown(onTerminal.paintNetwork(text)); have != want {
			t.Errorf("%s\nis %s\nnot %s", text, have, want)
		}
		if have := (terminal{}).paintNetwork(text); have != text {
			t.Errorf("%q where there is no colour: %q", text, have)
		}
	}
}

// A table has the same columns with colours and without.
func TestPaintTable(t *testing.T) {
	var b strings.Builder
	w := columns(&b)
	for _, row := range []string{
		"ID\tCOMMAND\tSTATUS\tPORTS\tNAMES",
		"1\t\"slée Up\"\tUp 3 seconds\t0.0.0.0:80->1\tup",
		"2\t\"true…\"\tExited (0) 2 hours ago\t\tExited",
		"3\t\"a\"\tUp 2 days (Paused)\t[::]:80->1\tthree",
		"4\t\"a\"\tCreated\t\teth0",
	} {
		fmt.Fprintln(w, row)
	}
	w.Flush()
	table := b.String()
	want := []string{
		`ID        COMMAND     STATUS                   PORTS           NAMES`,
		`1         "slée Up"   <green>Up 3 seconds             <><magenta>0.0.0.0<>:80->1   up`,
		`2         "true…"     <red>Exited (0) 2 hours ago   <>                Exited`,
		`3         "a"         <yellow>Up 2 days (Paused)       <>[<blue>::<>]:80->1      three`,
		`4         "a"         Created                                  <cyan>eth0<>`,
	}
	have := shown(terminal{width: 80, colour: true}.paintTable(table, "STATUS"))
	for i, line := range strings.Split(strings.TrimSuffix(have, "\n"), "\n") {
		if line != want[i] {
			t.Errorf("%s\nnot %s", line, want[i])
		}
	}
	if plain := regexp.MustCompile(`<[a-z]*>`).ReplaceAllString(have, ""); plain != table {
		t.Errorf("without colours it is\n%s", plain)
	}
}

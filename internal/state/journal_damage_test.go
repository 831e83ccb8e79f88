package state_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

// Written is written before done: what a torn line speaks of never happened.
func TestATornLastLineNeverHappened(t *testing.T) {
	t.Parallel()
	d := folders(t)
	j := journal(t, d)
	must(t, j.Append(step("a")), j.Done(), j.Append(step("b")))
	whole := content(t, file(d))
	lines := strings.SplitAfter(whole, "\n")
	for torn := range len(whole) {
		d := folders(t)
		write(t, file(d), whole[:torn])
		var want []string
		settled := 0
		rest := whole[:torn]
		for i, l := range lines {
			if !strings.HasPrefix(rest, l) || l == "" {
				break
			}
			rest = rest[len(l):]
			want = append(want, [][]string{nil, {"a"}, nil, {"b"}}[i]...)
			if i == 2 {
				settled = len(want)
			}
		}
		j := journal(t, d)
		holds(t, d, j, settled, want...)
		must(t, j.Append(step("c")))
		holds(t, d, j, settled, append(want, "c")...)
		must(t, j.Append(step("d")), j.Done())
		holds(t, d, j, len(want)+2, append(want, "c", "d")...)
	}
}

func TestUnreadableJournalsAreNamedAndKept(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"a newer version":      `{"journal":2}` + "\n",
		"no version":           `{"kind":"leave","args":{}}` + "\n",
		"a line in the middle": `{"journal":1}` + "\n" + `{"kind":"lea` + "\n" + `{"done":true}` + "\n",
		"an empty line":        `{"journal":1}` + "\n\n",
		"an unknown kind":      `{"journal":1}` + "\n" + `{"kind":"teleport","cmd":"ip link del mbv1","args":{}}` + "\n",
		"no kind":              `{"journal":1}` + "\n" + `{}` + "\n",
		"wrong arguments":      `{"journal":1}` + "\n" + `{"kind":"leave","args":{"why":7}}` + "\n",
		"no arguments":         `{"journal":1}` + "\n" + `{"kind":"leave"}` + "\n",
		"zeroes":               "\x00\x00\x00\n",
	} {
		d := folders(t)
		write(t, file(d), text)
		_, err := d.ReadJournal("host", kinds)
		record, ok := errors.AsType[*state.RecordError](err)
		if !ok || !strings.HasPrefix(record.File, file(d)) {
			t.Errorf("%s: the error does not name the file: %v", what, err)
		}
		if strings.Contains(text, "cmd") && !strings.Contains(err.Error(), "ip link del mbv1") {
			t.Errorf("%s: the error does not say what to type: %v", what, err)
		}
		if content(t, file(d)) != text {
			t.Errorf("%s: it was overwritten", what)
		}
	}
}

func TestAFullDiskTearsNoJournal(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "mkdir /run/small && mount -t tmpfs -o size=64k none /run/small")
		d := state.Dirs{Root: "/run/small/root", Run: "/run/small/run"}
		must(t, d.Make())
		write(t, "/run/small/filler", strings.Repeat("x", 10000))
		j := journal(t, d)
		var want []string
		var err error
		for err == nil {
			why := strings.Repeat("x", 700)
			if err = j.Append(step(why)); err == nil {
				want = append(want, why)
			}
		}
		if len(want) == 0 {
			t.Fatal(err)
		}
		holds(t, d, j, 0, want...)
		if err := j.Append(step(strings.Repeat("y", 9000))); err == nil {
			t.Error("a longer step fits")
		}
		holds(t, d, j, 0, want...)
		must(t, os.Remove("/run/small/filler"), j.Append(step("z")))
		holds(t, d, j, 0, append(want, "z")...)
		must(t, j.Keep(0, nil)) // what takes things back needs no room
		holds(t, d, j, 0)
		if out, code := m.Try("cat /dev/zero >/run/small/filler"); code == 0 {
			t.Fatalf("the disk is not full: %s", out)
		}
		if err := j.Append(step("a")); err == nil {
			t.Error("a first step fits")
		}
		if _, err := os.Stat(file(d)); !os.IsNotExist(err) {
			t.Errorf("an empty journal is left: %v", err)
		}
	})
}

func FuzzJournals(f *testing.F) {
	for _, text := range []string{
		"", "\n", `{"journal":1}`, `{"journal":1}` + "\n" + `{"kind":"leave","cmd":"# a","args":{"why":"a"}}` + "\n" + `{"done":true}` + "\n",
		`{"journal":1}` + "\n" + `{"kind":"sysctl-set","args":{"key":"x"}}` + "\n" + `{"kind":"le`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := folders(t)
		write(t, file(d), string(text))
		j, err := d.ReadJournal("host", kinds)
		if _, named := errors.AsType[*state.RecordError](err); err != nil && !named {
			t.Errorf("no file is named: %v", err)
		}
		if err != nil {
			return
		}
		if j.Settled() > len(j.Steps()) {
			t.Errorf("%d of %d steps are settled", j.Settled(), len(j.Steps()))
		}
		n := len(j.Steps())
		must(t, j.Append(step("one more")))
		if again := journal(t, d); len(again.Steps()) != n+1 {
			t.Errorf("%d steps after one more than %d", len(again.Steps()), n)
		}
	})
}

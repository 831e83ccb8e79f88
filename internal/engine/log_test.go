package engine

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// A line that found no room ends where the room did; the next one is whole,
// whoever writes it.
func TestALogThatIsFullForAWhile(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for name, limits := range map[string]logLimits{"one file": {files: 1}, "a new file after it": {size: 10, files: 9}} {
			m.Sh(t, "rm -rf /run/full; mkdir /run/full; mount -t tmpfs -o size=64k none /run/full")
			var told []error
			log := func() *logWriter {
				l, err := openLog("/run/full/log", limits, func(err error) { told = append(told, err) })
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			fill := func(l *logWriter) {
				m.Sh(t, "dd if=/dev/zero of=/run/full/filler bs=4k 2>/dev/null || true; truncate -s -8k /run/full/filler")
				l.write(frameStdout, []byte(strings.Repeat("t", 40<<10)+"\n"))
				l.write(frameStdout, []byte("lost\n"))
				m.Sh(t, "rm /run/full/filler")
			}
			l := log()
			l.write(frameStdout, []byte("one\n"))
			fill(l)
			l.write(frameStdout, []byte("two\n"))
			fill(l)
			if len(told) != 1 || l.lost() == nil {
				t.Errorf("%s: told %v", name, told)
			}
			l.close()
			l = log()
			l.write(frameStdout, []byte("three\n"))
			l.close()

			var out bytes.Buffer
			r := newLogReader(LogOptions{}, Streams{Out: &out, Err: &out})
			files := &logFiles{path: "/run/full/log", most: 9}
			if err := files.look(); err != nil {
				t.Fatal(err)
			}
			if err := r.copyAll(files); err != nil || r.flush() != nil || files.close() != nil {
				t.Error(err)
			}
			got := regexp.MustCompile("t{1000,}\n").ReplaceAllString(out.String(), "torn\n")
			if got != "one\ntorn\ntwo\ntorn\nthree\n" {
				t.Errorf("%s: %q", name, got)
			}
			m.Sh(t, "umount /run/full")
		}
	})
}

// A writer that was killed in the middle of a line leaves it to the next.
func TestATornLogIsGoneOnWith(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/log"
	const torn = "2026-11-25T18:52:59.123456789Z stdout F to"
	if err := os.WriteFile(path, []byte(torn), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := openLog(path, logLimits{files: 1}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	l.write(frameStdout, []byte("next\n"))
	b, err := os.ReadFile(path)
	if lines := strings.Split(string(b), "\n"); err != nil || len(lines) != 3 || lines[0] != torn || !strings.HasSuffix(lines[1], " stdout F next") {
		t.Errorf("%q, %v", b, err)
	}
}

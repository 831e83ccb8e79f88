package engine

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestTheTailOfALogIsItsLastLines(t *testing.T) {
	t.Parallel()
	const lines = 3000 // some blocks
	var log, text strings.Builder
	for i := range lines {
		long := strings.Repeat("x", i%97)
		if i%5 == 0 {
			fmt.Fprintf(&log, "2026-11-25T18:52:59.123456789Z stdout P begin-\n")
			text.WriteString("begin-")
		}
		fmt.Fprintf(&log, "2026-11-25T18:52:59.123456789Z stdout F %d%s\n", i, long)
		fmt.Fprintf(&text, "%d%s\n", i, long)
	}
	file := t.TempDir() + "/log"
	if err := os.WriteFile(file, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := strings.SplitAfter(strings.TrimSuffix(text.String(), "\n"), "\n")
	for _, n := range []int{0, 1, 2, 5, 6, 1000, lines - 1, lines, lines + 1} {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if missing, err := seekTail(f, n); err != nil || missing != max(0, n-lines) {
			t.Fatal(missing, err)
		}
		var out, errs bytes.Buffer
		r := newLogReader(LogOptions{}, Streams{Out: &out, Err: &errs})
		if err := r.copy(f); err != nil || r.flush() != nil {
			t.Fatal(err)
		}
		want := strings.Join(whole[max(0, lines-n):], "")
		if got := strings.TrimSuffix(out.String(), "\n"); got != want {
			t.Errorf("the last %d lines: %d bytes, not %d", n, len(got), len(want))
		}
	}
}

// To find where a long tail begins takes the room of a block, not of the tail.
func TestALongTailIsReadOnce(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	record := "2026-11-25T18:52:59.123456789Z stdout F " + strings.Repeat("x", 1000) + "\n"
	if _, err := f.WriteString(strings.Repeat(record, 4000)); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	missing, err := seekTail(f, 3999)
	runtime.ReadMemStats(&after)
	at, _ := f.Seek(0, io.SeekCurrent)
	if missing != 0 || err != nil || at != int64(len(record)) {
		t.Errorf("%d are missing, it begins at %d, %v", missing, at, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("it took %d bytes", took)
	}
}

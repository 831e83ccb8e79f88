package engine

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// rotating is a log of small files, and a reader that has found what there is.
func rotating(t *testing.T, files int) (*logWriter, *logFiles) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	l, err := openLog(path, logLimits{size: 200, files: files}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	read := &logFiles{path: path, most: files}
	t.Cleanup(func() { read.close() })
	return l, read
}

// What a reader has found it reads to the end, under whatever name, in order,
// and once.
func TestAFollowerOfManyFiles(t *testing.T) {
	t.Parallel()
	for _, files := range []int{1, 2, 3} {
		l, read := rotating(t, files)
		var out, want bytes.Buffer
		r := newLogReader(LogOptions{}, Streams{Out: &out, Err: &out})
		for i := range 100 {
			line := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", i%50))
			want.WriteString(line)
			l.write(frameStdout, []byte(line))
			if err := read.look(); err != nil {
				t.Fatal(err)
			}
			if i%40 != 0 {
				continue // it is late
			}
			if err := r.copyAll(read); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.copyAll(read); err != nil {
			t.Fatal(err)
		}
		if r.flush() != nil || out.String() != want.String() {
			t.Errorf("of %d files: %q", files, out.String())
		}
		names, err := filepath.Glob(l.path + "*")
		if err != nil || len(names) != files {
			t.Errorf("%q are left of %d files, %v", names, files, err)
		}
	}
}

// The last lines are the last of all files together.
func TestTheTailOfManyFiles(t *testing.T) {
	t.Parallel()
	l, _ := rotating(t, 5)
	for i := range 20 {
		l.write(frameStdout, fmt.Appendf(nil, "%d\n", i))
	}
	for n, want := range map[int]string{0: "", 1: "19\n", 7: "13\n14\n15\n16\n17\n18\n19\n"} {
		read := &logFiles{path: l.path, most: 5}
		if err := read.look(); err != nil {
			t.Fatal(err)
		}
		defer read.close()
		var out bytes.Buffer
		r := newLogReader(LogOptions{}, Streams{Out: &out, Err: &out})
		if err := read.seekTail(n); err != nil {
			t.Fatal(err)
		}
		if err := r.copyAll(read); err != nil || r.flush() != nil || out.String() != want {
			t.Errorf("the last %d lines are %q, %v", n, out.String(), err)
		}
	}
}

// The last lines are looked for while new files come.
func TestTheTailOfALogThatGrows(t *testing.T) {
	t.Parallel()
	l, read := rotating(t, 5)
	line := func(i int) { l.write(frameStdout, fmt.Appendf(nil, "%d\n", i)) }
	for i := range 20 {
		line(i)
	}
	if err := read.look(); err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := 20; i < 200; i++ {
			line(i)
			if err := read.look(); err != nil {
				t.Error(err)
			}
		}
	}()
	for more := true; more; {
		select {
		case <-written:
			more = false
		default:
		}
		if err := read.seekTail(3); err != nil {
			t.Error(err)
		}
	}
	var out bytes.Buffer
	r := newLogReader(LogOptions{}, Streams{Out: &out, Err: &out})
	if err := errors.Join(r.copyAll(read), r.flush()); err != nil || out.String() != "197\n198\n199\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

package engine

import (
	"bytes"
	"io"
	"os"
)

// seekTail puts the file where its last n lines begin, looking from its end,
// and tells how many there are too few. A line is what ends with F; pieces
// before it are its own. So is the last one, whatever it ends with.
func seekTail(f *os.File, n int) (missing int, err error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || n == 0 {
		return 0, err
	}
	var from int64
	after, last := int64(-1), false // where the line after this one begins; unknown of a torn one, which counts for none
	err = eachLineBack(f, end, func(begin int64, line []byte) (more bool) {
		_, _, tag, _ := splitRecord(line)
		if after >= 0 && (last || string(tag) == "F") {
			if n == 0 {
				from = after
				return false
			}
			n--
		}
		last = after < 0
		after = begin
		return true
	})
	if err == nil {
		_, err = f.Seek(from, io.SeekStart)
	}
	return n, err
}

// lineHead is more than a record has before its text.
const lineHead = 64

// eachLineBack finds the lines of a file from its end, which is one, to its
// begin: where each begins, and its head. found says whether to go on.
func eachLineBack(f *os.File, end int64, found func(begin int64, line []byte) (more bool)) error {
	const block = 64 << 10
	buf := make([]byte, 1+block+lineHead)
	for high := end + 1; high > 0; { // those that begin from there on have been found
		low := max(0, high-block)
		at := max(0, low-1) // what stands before a line tells that it is one
		b := buf[:min(high+lineHead, end)-at]
		if _, err := f.ReadAt(b, at); err != nil {
			return err
		}
		for before := int(high - 1 - at); before > 0; {
			before = bytes.LastIndexByte(b[:before], '\n')
			if begin := before + 1; begin > 0 && !found(at+int64(begin), firstLine(b[begin:])) {
				return nil
			}
		}
		if low == 0 {
			found(0, firstLine(b))
		}
		high = low
	}
	return nil
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}

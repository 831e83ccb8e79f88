package engine

import (
	"bytes"
	"io"
	"os"
)

// seekTail puts the file where its last n lines begin, looking from its end,
// and tells how many there are too few. A line is what ends with F; pieces
// before it are its own.
func seekTail(f *os.File, n int) (missing int, err error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || n == 0 {
		return 0, err
	}
	missing = n
	const block = 64 << 10
	var tail []byte // from at on
	at := end
	for at > 0 {
		size := min(block, at)
		at -= size
		b := make([]byte, size, size+int64(len(tail)))
		if _, err := f.ReadAt(b, at); err != nil {
			return 0, err
		}
		tail = append(b, tail...)
		var from int
		if from, missing = lastLines(tail, n, at == 0); from > 0 {
			_, err := f.Seek(at+int64(from), io.SeekStart)
			return 0, err
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return missing, err
}

// lastLines finds where the last n lines begin; 0 when that may be before b
// does, which is all of the log or its end, and then how many are missing.
func lastLines(b []byte, n int, all bool) (from, missing int) {
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	for end := len(b); end > 0; {
		begin := bytes.LastIndexByte(b[:end-1], '\n') + 1
		if begin == 0 && !all {
			return 0, n // its own begin may be missing
		}
		_, _, tag, _ := splitRecord(b[begin:end])
		if last := end == len(b); last || string(tag) == "F" {
			if n == 0 {
				return end, 0
			}
			n--
		}
		end = begin
	}
	return 0, n
}

package engine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

// LogOptions say what of a log is wanted.
type LogOptions struct {
	Timestamps bool
	Details    bool      // the labels and variables that --log-opt names, too
	Follow     bool      // go on until the container has ended
	Tail       int       // only so many lines at the end; negative = all
	Since      time.Time // only lines written from then on; zero = all
	Until      time.Time // only lines written before; zero = all
}

// Logs writes what a container wrote, each stream to its own.
func (e *Engine) Logs(ctx context.Context, ref string, o LogOptions, streams Streams) (err error) {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if c.Spec.LogDriver == noLog {
		return errorf("configured logging driver does not support reading").hint("minibridge attach %s", c.Name)
	}
	limits, err := limitsOf(&c.Spec)
	if err != nil {
		return err
	}
	files := &logFiles{path: e.dirs.Log(c.ID), most: limits.files}
	defer func() { err = errors.Join(err, files.close()) }()
	news := &logNews{}
	if _, st := e.status(c); o.Follow && st.Status != state.Restarting { // first, so that no new file is missed
		if news, err = e.watchLog(ctx, c.ID, files, streams.Err); err != nil {
			return err
		}
		defer news.close()
	}
	if err := files.look(); err != nil {
		return err
	}
	if o.Tail >= 0 {
		if err := files.seekTail(o.Tail); err != nil {
			return err
		}
	}
	r := newLogReader(o, streams)
	if o.Details {
		r.details = logDetails(&c.Spec) + " "
	}
	return followLog(ctx, files, r, news)
}

// followLog copies what there is, and again after each piece of news, until
// there is none to come that is wanted.
func followLog(ctx context.Context, files *logFiles, r *logReader, news *logNews) error {
	var late <-chan time.Time
	if !r.Until.IsZero() {
		timer := time.NewTimer(time.Until(r.Until))
		defer timer.Stop()
		late = timer.C
	}
	for {
		ended := news.over() || late != nil && !time.Now().Before(r.Until) // asked first: what came before the end is read after it
		if ended && news.watch != nil {
			if err := files.look(); err != nil {
				return err
			}
		}
		if err := errors.Join(r.copyAll(files), r.flush()); err != nil || ended {
			return err
		}
		if err := news.wait(ctx, late); err != nil {
			return err
		}
	}
}

// A logReader takes a log's lines apart.
type logReader struct {
	LogOptions
	out, errs *bufio.Writer
	torn      []byte                 // the end of what was read, which is still being written
	details   string                 // before each line
	middle    map[*bufio.Writer]bool // its last piece had no newline: the next one continues the line
}

func newLogReader(o LogOptions, s Streams) *logReader {
	return &logReader{
		LogOptions: o,
		out:        bufio.NewWriterSize(s.Out, 64<<10),
		errs:       bufio.NewWriter(s.Err),
		middle:     make(map[*bufio.Writer]bool),
	}
}

func (r *logReader) flush() error { return errors.Join(r.out.Flush(), r.errs.Flush()) }

// copyAll reads to the end of the newest file.
func (r *logReader) copyAll(files *logFiles) error {
	for {
		f, whole := files.first() // asked first: what is whole is so to its end
		if f == nil {
			return nil
		}
		if err := r.copy(f); err != nil || !whole {
			return err
		}
		files.next()
	}
}

// copy reads to the end.
func (r *logReader) copy(f io.Reader) error {
	in := bufio.NewReaderSize(f, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			r.torn = append(r.torn, line...)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if len(r.torn) > 0 {
			line = append(r.torn, line...)
			r.torn = nil
		}
		if err := r.line(line); err != nil {
			return err
		}
	}
}

// line writes one line of the log, if it is wanted.
func (r *logReader) line(line []byte) error {
	stamp, stream, tag, text := splitRecord(line)
	if text == nil || !r.wanted(stamp) {
		return nil
	}
	to := r.out
	if string(stream) == "stderr" {
		to = r.errs
	}
	if r.Timestamps && !r.middle[to] {
		to.Write(stamp)
		to.WriteByte(' ')
	}
	if !r.middle[to] {
		to.WriteString(r.details)
	}
	if r.middle[to] = string(tag) == "P"; r.middle[to] {
		text = text[:len(text)-1]
	}
	_, err := to.Write(text)
	return err
}

// splitRecord takes a line of the log apart; text, with its newline, is nil for
// what is no line of ours.
func splitRecord(line []byte) (stamp, stream, tag, text []byte) {
	stamp, rest, _ := bytes.Cut(line, []byte(" "))
	stream, rest, _ = bytes.Cut(rest, []byte(" "))
	tag, text, whole := bytes.Cut(rest, []byte(" "))
	if !whole {
		text = nil
	}
	return stamp, stream, tag, text
}

// wanted compares as text: all stamps have one form.
func (r *logReader) wanted(stamp []byte) bool {
	s := string(stamp)
	return (r.Since.IsZero() || s >= r.Since.UTC().Format(logTime)) && (r.Until.IsZero() || s < r.Until.UTC().Format(logTime))
}

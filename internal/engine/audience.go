package engine

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// An audience is the person who gets what a command of exec writes, as long as
// that can be written anywhere.
type audience struct{ lost chan error }

func newAudience() audience { return audience{make(chan error, 1)} }

// told is one of the person's streams.
func (a audience) told(w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		n, err := w.Write(p)
		if err != nil {
			select {
			case a.lost <- err:
			default: // the first is enough
			}
		}
		return n, err
	})
}

// until waits for the end of the command, or of the audience: as with Docker the
// command goes on then, and dies of the first thing that it writes.
func (a audience) until(end func() (int, error)) (int, error) {
	ended := awaited(end)
	select {
	case lost := <-a.lost:
		return 0, unheard(lost)
	case answer := <-ended:
		select {
		case lost := <-a.lost: // of its last words
			return 0, unheard(lost)
		default:
			return answer()
		}
	}
}

// unheard is the end of a verb that can't write what the command writes. Of a
// closed pipe it dies, unlike run, as Docker's does.
func unheard(err error) error {
	if errors.Is(err, unix.EPIPE) {
		return Interrupted{Signal: unix.SIGPIPE}
	}
	return &Error{Text: err.Error(), Code: 1}
}

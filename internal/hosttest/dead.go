package hosttest

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// A DeadFS is a mounted file system whose server has gone quiet, as one on a
// network can: whoever looks at anything in it waits until he is killed, or until
// the server ends.
type DeadFS struct{ fd int }

// NewDeadFS mounts one on a directory, as a FUSE server that answers the
// kernel's greeting and nothing else. It ends by End, or with the machine.
func NewDeadFS(t TB, dir string) *DeadFS {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Mount("dead", dir, "fuse.dead", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd))
	}
	if err == nil {
		err = greet(fd)
	}
	if err != nil {
		t.Fatalf("a dead file system on %s: %v", dir, err)
	}
	return &DeadFS{fd}
}

// greet answers FUSE_INIT (struct fuse_init_out, linux/fuse.h).
func greet(fd int) error {
	request := make([]byte, 1<<17)
	if _, err := unix.Read(fd, request); err != nil {
		return err
	}
	const header, size = 16, 16 + 64
	answer := make([]byte, size)
	binary.NativeEndian.PutUint32(answer, size)
	copy(answer[8:header], request[8:]) // which request it is an answer to
	binary.NativeEndian.PutUint32(answer[header:], 7)
	binary.NativeEndian.PutUint32(answer[header+4:], 31)
	_, err := unix.Write(fd, answer)
	return err
}

// Wait waits until somebody does.
func (d *DeadFS) Wait(t TB) {
	t.Helper()
	awaitInput(t, d.fd, "nobody looks at it")
}

// Take waits until somebody does, and takes his question: from then on he can't
// even be killed.
func (d *DeadFS) Take(t TB) {
	t.Helper()
	d.Wait(t)
	if _, err := unix.Read(d.fd, make([]byte, 1<<17)); err != nil {
		t.Fatalf("a dead file system: %v", err)
	}
}

// End ends the server: whoever waits gets an error.
func (d *DeadFS) End() {
	if d.fd >= 0 {
		unix.Close(d.fd)
		d.fd = -1
	}
}

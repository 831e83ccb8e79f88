package state

import (
	"context"
	"io"

	"golang.org/x/sys/unix"
)

// ComeIn is for who brings a process into a running container: until he closes
// it, nobody keeps others out. fs.ErrNotExist means that it doesn't run.
func (d Dirs) ComeIn(ctx context.Context, id string) (io.Closer, error) {
	return lockFolder(ctx, d.Running(id), unix.LOCK_SH)
}

// KeepOut waits for those who come into a container, and until it is closed no
// other comes.
func (d Dirs) KeepOut(ctx context.Context, id string) (io.Closer, error) {
	return lockFolder(ctx, d.Running(id), unix.LOCK_EX)
}

// TryKeepOut is KeepOut for who can't wait: while somebody comes in, it is
// [unix.EWOULDBLOCK].
func (d Dirs) TryKeepOut(id string) (io.Closer, error) {
	return tryLockFolder(d.Running(id), unix.LOCK_EX)
}

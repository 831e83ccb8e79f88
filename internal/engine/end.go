package engine

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// await waits for the command's end, takes the network down at once, and
// tells those who wait when nothing is left and the log is whole; those who
// get its output, when they have it all: one who doesn't read keeps nobody
// else waiting. When somebody asks the supervisor to end, it stops the
// container.
func (k *keeper) await() error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP)
	go func() {
		<-asked
		k.stop(stopRequest{Signal: int(unix.SIGTERM), Timeout: StopTimeout})
	}()
	code, err := k.process.Wait()
	close(k.exited)
	err = errors.Join(err, k.end(func(s *session) error { return s.settle(s.latest(k.Run), ended{code: code, kept: k.kept.Load()}) }))
	k.logged.Wait()
	k.log.close()
	x := ending(code, err)
	k.announce(x, k.waiters)
	k.passed.Wait()
	k.announce(x, k.clients)
	return err
}

// end takes down what the container had, under the lock. The sockets go last:
// until then nobody else can have its ports.
func (k *keeper) end(down func(*session) error) (err error) {
	s, err := k.engine.enter(context.Background(), "supervise "+k.Container.Name)
	if err != nil {
		return err
	}
	defer func() {
		k.proxy.Close()
		err = errors.Join(err, k.keepPorts(nil, k.takeSockets()))
		err = errors.Join(err, s.unlock())
	}()
	return down(s)
}

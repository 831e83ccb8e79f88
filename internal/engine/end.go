package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// await waits for the command's end, takes the network down at once, and
// tells those who wait when nothing is left and the log is whole; those who
// get its output, when they have it all: one who doesn't read keeps nobody
// waiting but this process, which has nothing else to do then. When the container's policy wants that, it rests, and is
// started again. When somebody asks the supervisor to end, it stops the
// container.
func (k *keeper) await(l *net.UnixListener) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP)
	go func() {
		<-asked
		r, _ := StopOptions{}.request(&k.Container.Spec) // it was read before there was a container
		k.enough()
		k.stop(r)
	}()
	code, err := k.process.Wait()
	close(k.exited)
	k.hearOut()
	rests := false
	err = errors.Join(err, k.end(func(s *session) (err error) {
		rests, err = k.settle(s, code)
		return err
	}))
	k.logged.Wait()
	k.log.close()
	x, trace := ending(code, err), k.trace.Bytes()
	x.late = k.late
	if rests {
		k.tellWaiters(x, resting, trace)
	} else {
		k.tellWaiters(x, attending, trace)
	}
	k.passed.Wait()
	k.tellClients(x, trace)
	if rests {
		err = errors.Join(err, k.rest(l, code))
	}
	k.telling.Wait()
	return err
}

// hearOut ends the streams of a command that has ended, whoever still has them.
func (k *keeper) hearOut() {
	k.endStdin()
	for _, from := range k.outputs {
		hearOut(from)
	}
}

// settle decides whether the container rests, or has ended, and makes it so.
func (k *keeper) settle(s *session, code int) (rests bool, err error) {
	run := s.latest(k.Run)
	if !k.isStopped() {
		if rests, err = s.rest(run, code, nextBackoff(run.Backoff, time.Since(k.begun))); rests {
			return true, err
		}
	}
	return false, errors.Join(err, s.settle(run, ended{code: code, kept: k.kept.Load()}))
}

// end takes down what the container had, under the lock. The sockets go last:
// until then nobody else can have its ports.
func (k *keeper) end(down func(*session) error) (err error) {
	s, err := k.engine.enter(context.Background(), "supervise "+k.Container.Name)
	if err != nil {
		return err
	}
	s.late = k.keepLate
	defer func() {
		k.endLife()
		k.proxy.Close()
		err = errors.Join(err, k.keepPorts(nil, k.takeSockets(), nil))
		err = errors.Join(err, s.unlock())
	}()
	return down(s)
}

// keepLate keeps what can't be written down yet for those who hear of the end.
func (k *keeper) keepLate(err error) { k.late = warning(err) }

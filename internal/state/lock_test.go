package state_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/state"
)

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	d := folders(t)
	counter := filepath.Join(d.Run, "counter")
	write(t, counter, "")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			h, err := state.Lock(t.Context(), d, "count", nil)
			if err != nil {
				t.Error(err)
				return
			}
			b, _ := os.ReadFile(counter)
			if err := errors.Join(os.WriteFile(counter, append(b, 'x'), 0o600), h.Unlock(true)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if text := content(t, counter); len(text) != 20 {
		t.Errorf("%d of 20 were alone", len(text))
	}
}

func TestWhoWaitsIsToldOnceForWhom(t *testing.T) {
	t.Parallel()
	d := folders(t)
	begun := time.Now()
	h, err := state.Lock(t.Context(), d, "network create", func(state.Holder) { t.Error("told, with nobody to wait for") })
	must(t, err)
	told := make(chan state.Holder, 9)
	got := make(chan error, 1)
	go func() {
		second, err := state.Lock(t.Context(), d, "run", func(h state.Holder) { told <- h })
		if err == nil {
			err = second.Unlock(true)
		}
		got <- err
	}()
	holder := <-told
	if waited := time.Since(begun); waited < time.Second {
		t.Errorf("told after %v", waited)
	}
	if holder.Pid != os.Getpid() || holder.Verb != "network create" || holder.Since.Before(begun.Round(0)) {
		t.Errorf("the holder is %+v", holder)
	}
	must(t, h.Unlock(true), <-got)
	if len(told) > 0 {
		t.Error("told twice")
	}
}

func TestAWaitThatEndsGivesTheLockBack(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h, err := state.Lock(t.Context(), d, "first", nil)
	must(t, err)
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	giveUp := func(state.Holder) { cancel(interrupted) } // once it waits
	if _, err := state.Lock(ctx, d, "second", giveUp); !errors.Is(err, interrupted) {
		t.Errorf("the error is %v", err)
	}
	if _, err := state.Lock(ctx, d, "too late", nil); !errors.Is(err, interrupted) {
		t.Errorf("the error is %v", err)
	}
	must(t, h.Unlock(true))
	third := lock(t, d) // hangs if the second one has it now
	if third.Crashed {
		t.Error("who only waited counts as crashed")
	}
}

func TestAHolderThatEndedUncleanlyIsNoticed(t *testing.T) {
	t.Parallel()
	holder := func(d state.Dirs) string { return filepath.Join(d.Run, "holder") }
	for name, tt := range map[string]struct {
		leave func(t *testing.T, d state.Dirs, h *state.Held)
		want  bool
	}{
		"clean":     {func(t *testing.T, d state.Dirs, h *state.Held) { must(t, h.Unlock(true)) }, false},
		"not clean": {func(t *testing.T, d state.Dirs, h *state.Held) { must(t, h.Unlock(false)) }, true},
		"torn": {func(t *testing.T, d state.Dirs, h *state.Held) {
			must(t, h.Unlock(true))
			write(t, holder(d), `{"pid":47`)
		}, true},
		"emptied": {func(t *testing.T, d state.Dirs, h *state.Held) {
			must(t, h.Unlock(true))
			write(t, holder(d), "")
		}, true},
	} {
		d := folders(t)
		h, err := state.Lock(t.Context(), d, "first", nil)
		must(t, err)
		if h.Crashed {
			t.Error("crashed, with nobody before")
		}
		if d.Abandoned() {
			t.Errorf("%s: abandoned, while it is held", name)
		}
		tt.leave(t, d, h)
		if d.Abandoned() != tt.want {
			t.Errorf("%s: abandoned is %v", name, !tt.want)
		}
		if h := lock(t, d); h.Crashed != tt.want {
			t.Errorf("%s: crashed is %v", name, h.Crashed)
		}
	}
}

func TestAKilledHolderLeavesTheLock(t *testing.T) {
	t.Parallel()
	d := folders(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), holderEnv+"="+d.Root+":"+d.Run)
	out, err := cmd.StdoutPipe()
	must(t, err, cmd.Start())
	_, err = fmt.Fscanln(out, new(string)) // it has it
	must(t, err, cmd.Process.Kill())
	cmd.Wait()
	if h := lock(t, d); !h.Crashed {
		t.Error("nobody noticed")
	}
}

// holderEnv makes the test binary a program that takes the lock and keeps it.
const holderEnv = "STATE_TEST_HOLDER"

func holdLock(folders string) {
	root, run, _ := strings.Cut(folders, ":")
	_, err := state.Lock(context.Background(), state.Dirs{Root: root, Run: run}, "hold", nil)
	fmt.Println(err)
	select {}
}

func TestAnotherBootClearsTheRunFolder(t *testing.T) {
	t.Parallel()
	d := folders(t)
	h, err := state.Lock(t.Context(), d, "before", nil)
	must(t, err)
	j, err := h.Journal("host", kinds)
	must(t, err)
	must(t, j.Append(step("a")), h.WriteContainer(container()), h.WriteRun(running()), h.SetLastPort("tcp", 1),
		h.Lease(netID, running().Endpoints[0].Address.Addr(), webID), h.Unlock(false))
	boot, err := state.Boot()
	must(t, err)
	world := filepath.Join(d.Run, "world")
	write(t, world, strings.Replace(content(t, world), boot, "another-boot", 1))

	h = lock(t, d)
	if runs, err := d.Runs(); err != nil || len(runs) > 0 {
		t.Errorf("runs: %v, %v", runs, err)
	}
	if taken, err := d.Leases(netID); err != nil || len(taken) > 0 {
		t.Errorf("leases: %v, %v", taken, err)
	}
	if owners, err := h.Journals(); err != nil || len(owners) > 0 {
		t.Errorf("journals: %v, %v", owners, err)
	}
	if _, err := d.ReadContainer(webID); err != nil {
		t.Errorf("the definition went too: %v", err)
	}
	must(t, h.WriteRun(running())) // the folders are there again
	if !strings.Contains(content(t, world), boot) {
		t.Error("the folder is still that of the other boot")
	}
}

func TestAWorldThatCanNotBeReadIsNoWorldToEnter(t *testing.T) {
	t.Parallel()
	d := folders(t)
	world := filepath.Join(d.Run, "world")
	write(t, world, `{"schema": 2}`)
	for range 2 { // the first one gave the lock back
		_, err := state.Lock(t.Context(), d, "test", nil)
		if record, ok := errors.AsType[*state.RecordError](err); !ok || record.File != world {
			t.Errorf("the error does not name the file: %v", err)
		}
	}
	if content(t, world) != `{"schema": 2}` {
		t.Error("it was overwritten")
	}
}

func TestAnotherNetworkNamespaceIsRefused(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		d := folders(t)
		h, err := state.Lock(t.Context(), d, "here", nil)
		must(t, err, h.Unlock(true))
		cmd := exec.Command("ip", "netns", "exec", "outside", "/proc/self/exe")
		cmd.Args[4], err = os.Executable()
		must(t, err)
		cmd.Env = append(os.Environ(), holderEnv+"="+d.Root+":"+d.Run)
		out, err := cmd.StdoutPipe()
		must(t, err, cmd.Start())
		line := make([]byte, 300)
		n, err := out.Read(line)
		must(t, err, cmd.Process.Kill())
		cmd.Wait()
		if got := string(line[:n]); !strings.Contains(got, d.Run+" is in use in another network namespace") {
			t.Errorf("it says %s", got)
		}
		lock(t, d)
	})
}

// Reset removes the lock's file: who waited for it must not take the lock of a
// file that nobody else will ever open.
func TestALockThatWasRemovedIsTakenAnew(t *testing.T) {
	t.Parallel()
	d := folders(t)
	first, err := state.Lock(t.Context(), d, "reset", nil)
	must(t, err)
	second := make(chan *state.Held)
	waits := make(chan bool, 1)
	go func() {
		h, err := state.Lock(t.Context(), d, "run", func(state.Holder) { waits <- true })
		if err != nil {
			t.Error(err)
		}
		second <- h
	}()
	<-waits
	must(t, os.RemoveAll(d.Run), os.RemoveAll(d.Root), first.Drop())
	h := <-second
	defer h.Unlock(true)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if third, err := state.Lock(ctx, d, "run", nil); err == nil {
		third.Unlock(true)
		t.Error("two have the lock")
	}
}

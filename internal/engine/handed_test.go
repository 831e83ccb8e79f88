package engine_test

import (
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// mute kills this process at its next writev(2): when it is to tell a
// supervisor what the sockets are for that it has just handed over.
func mute() error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the system call's number (seccomp(2))
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_WRITEV, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Sockets of a verb that was killed before it said what they are for go with it,
// and the next verb brings its own.
func TestKilledBetweenSocketsAndTheirWord(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, mover("zz"))
		if got := sacrifice(t, "mute 1"); got != 137 {
			t.Fatalf("exit code %d", got)
		}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for late := time.Now().Add(patience); listen("udp4", ":9100") != nil; <-tick.C {
			if time.Now().After(late) {
				t.Fatal("a port of nobody's is taken")
			}
		}
		if said := m.Sh(t, "minibridge create --name next true 2>&1 >/dev/null"); said != "" {
			t.Errorf("the next verb says %s", said)
		}
		inOrder(t, m, "the next verb", "mover")
	})
}

package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// usernsEnv makes the test binary a program that tries for a user namespace.
const usernsEnv = "SANDBOX_TEST_USERNS"

// tryUserns does so by clone(2) and clone3(2), which no shell command makes.
func tryUserns() {
	const flags = unix.CLONE_NEWUSER | uintptr(unix.SIGCHLD)
	args := [8]uint64{0: unix.CLONE_NEWUSER, 4: uint64(unix.SIGCHLD)}
	for _, call := range [][3]uintptr{{unix.SYS_CLONE, flags, 0}, {unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args)}} {
		pid, _, errno := unix.RawSyscall6(call[0], call[1], call[2], 0, 0, 0, 0)
		if pid == 0 && errno == 0 {
			unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0) // the child
		}
		fmt.Println(int(errno))
	}
	unix.Exit(0)
}

// In a user namespace of its own a command would hold every capability that it
// was denied; only one that may administer the kernel anyway can make some.
func TestUserNamespaces(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("unshare -U true 2>&1 | grep -o 'not permitted' || echo 0; %s=1 %s", usernsEnv, self)
	refused := fmt.Sprintf("not permitted\n%d\n%d", int(unix.EPERM), int(unix.ENOSYS)) // then libraries use clone(2)
	for name, tt := range map[string]struct {
		caps sandbox.Caps
		want string
	}{
		"default":    {want: refused},
		"others":     {sandbox.Caps{Add: []string{"NET_ADMIN", "SYS_PTRACE"}}, refused},
		"SYS_ADMIN":  {sandbox.Caps{Add: []string{"SYS_ADMIN"}}, "0\n0\n0"},
		"privileged": {sandbox.Caps{Privileged: true}, "0\n0\n0"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				c := shell(script)
				c.Caps = tt.caps
				equal(t, "as PID 1", run(t, c), tt.want)

				p := waiting(t, config())
				w, all := output(t)
				c.Stdout, c.Stderr = w, w
				e, err := sandbox.Exec(t.Context(), p.Pid, p.Start, c.Command)
				if err != nil {
					t.Fatal(err)
				}
				e.Wait()
				equal(t, "joined", all(), tt.want+"\n")
			})
		})
	}
}

// On a kernel without such filters, nothing starts unguarded, and one line says
// what is missing.
func TestNoFilters(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		if err := sandbox.TryFilter(); err != nil {
			t.Fatal(err)
		}
		p := waiting(t, config())
		withoutFilters(t)
		const want = "the kernel lacks seccomp filters (CONFIG_SECCOMP_FILTER), which keep a command from making user namespaces: invalid argument"
		c := config("true")
		_, _, started := try(t, c)
		_, joined := sandbox.Exec(t.Context(), p.Pid, p.Start, c.Command)
		for what, err := range map[string]error{"try": sandbox.TryFilter(), "start": started, "exec": joined} {
			if !errors.Is(err, unix.EINVAL) || err.Error() != want {
				t.Errorf("%s: %v", what, err)
			}
		}
		c.Caps.Privileged = true
		run(t, c)
	})
}

// withoutFilters makes seccomp(2) fail from here on, as it does without
// CONFIG_SECCOMP_FILTER: by a filter, on all threads.
func withoutFilters(t *testing.T) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SECCOMP, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		t.Fatal(errno)
	}
}

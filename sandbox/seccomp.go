package sandbox

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// An abi is one way to make system calls, and the numbers of three of them
// (asm/unistd.h).
type abi struct{ arch, clone, clone3, unshare uint32 }

// abis are those that a processor's kernel has: the programs of 32 bits, too.
var abis = map[string][]abi{
	"amd64":   {{unix.AUDIT_ARCH_X86_64, 56, 435, 272}, {unix.AUDIT_ARCH_I386, 120, 435, 310}},
	"arm64":   {{unix.AUDIT_ARCH_AARCH64, 220, 435, 97}, {unix.AUDIT_ARCH_ARM, 120, 435, 337}},
	"riscv64": {{unix.AUDIT_ARCH_RISCV64, 220, 435, 97}},
}

// Places in struct seccomp_data (linux/seccomp.h), on little-endian machines.
const (
	callNumber = 0
	callArch   = 4
	callFlags  = 16         // the first argument: of clone(2) and unshare(2)
	x32        = 0x40000000 // in a number of x86-64: pointers of 32 bits
)

// forbidUserns keeps the calling thread, and all that comes of it, from making
// user namespaces. In one, root has every capability, and among what that opens
// is a cgroup file system: a write to its cgroup.kill ends the host's processes
// that share the container's cgroup, the person's shell included. As Docker
// does, it leaves them to those who have CAP_SYS_ADMIN.
//
// The flags of clone3(2) are in memory, where no filter sees them: it fails as
// on a kernel that lacks it, and libraries use clone(2).
func (s capSet) forbidUserns() error {
	if s&(1<<capability.CAP_SYS_ADMIN) != 0 {
		return nil
	}
	filter, err := usernsFilter(runtime.GOARCH)
	if err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, uintptr(unsafe.Pointer(&prog))) // the flag: else everything gets slower (Linux before 5.16)
	switch errno {
	case 0:
		return nil
	case unix.EINVAL, unix.ENOSYS:
		return fmt.Errorf("the kernel lacks seccomp filters (CONFIG_SECCOMP_FILTER), which keep a command from making user namespaces: %w", errno)
	}
	return fmt.Errorf("seccomp: %w", errno)
}

// TryFilter tells whether the kernel has what keeps a command from making user
// namespaces.
func TryFilter() error { return plan.OnThread(defaultCaps.forbidUserns) }

// usernsFilter is the program that the kernel runs before each system call
// (seccomp(2)). An instruction's Jt and Jf are how many it skips.
func usernsFilter(goarch string) ([]unix.SockFilter, error) {
	if abis[goarch] == nil {
		return nil, fmt.Errorf("seccomp: the system calls of %s are not known here", goarch)
	}
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		has   = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		and   = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
	)
	no := func(errno unix.Errno) unix.SockFilter {
		return unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(errno)}
	}
	allow := unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW}
	filter := []unix.SockFilter{{Code: load, K: callArch}}
	for _, a := range abis[goarch] {
		block := []unix.SockFilter{
			{Code: load, K: callNumber},
			{Code: and, K: ^uint32(x32)},
			{Code: equal, K: a.clone3, Jt: 5},
			{Code: equal, K: a.unshare, Jt: 1},
			{Code: equal, K: a.clone, Jf: 2},
			{Code: load, K: callFlags},
			{Code: has, K: unix.CLONE_NEWUSER, Jt: 2},
			allow,
			no(unix.ENOSYS),
			no(unix.EPERM),
		}
		filter = append(filter, unix.SockFilter{Code: equal, K: a.arch, Jf: uint8(len(block))})
		filter = append(filter, block...)
	}
	return append(filter, no(unix.ENOSYS)), nil
}

package engine

import (
	"maps"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// ipcSysctls are the parameters of an IPC namespace (ipc_namespaces(7)), those
// under fs.mqueue apart.
var ipcSysctls = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
	"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
}

// Sysctl says whether a kernel parameter is a container's own: it belongs to
// its network or its IPC namespace. A slash would be a way out of them.
func Sysctl(key string) bool {
	own := isNet(key) || strings.HasPrefix(key, "fs.mqueue.") || slices.Contains(ipcSysctls, key)
	return own && !strings.ContainsAny(key, "/\x00")
}

func isNet(key string) bool { return strings.HasPrefix(key, "net.") }

// checkSysctls refuses parameters that would be somebody else's.
func checkSysctls(spec *Spec) error {
	for _, key := range slices.Sorted(maps.Keys(spec.Sysctls)) {
		switch {
		case !Sysctl(key):
			return errorf("sysctl '%s=%s' is not allowed", Printable(key), Printable(spec.Sysctls[key]))
		case strings.TrimSpace(spec.Sysctls[key]) == "":
			return errorf("sysctl '%s=' is not allowed: it has no value", Printable(key)) // sysctl(8) takes none either
		case isNet(key) && spec.Network == "host":
			return errorf("failed to create task for container: sysctl %q not allowed in host network namespace: unknown", Printable(key))
		case isNet(key) && strings.HasPrefix(spec.Network, "container:"):
			return errorf("sysctl %q not allowed in the network namespace of another container: set it there", Printable(key))
		}
	}
	return nil
}

// netSysctls are those that a container's plan sets. The others are set where
// its IPC namespace is made, in the sandbox.
func netSysctls(spec *Spec) map[string]string { return chosen(spec.Sysctls, isNet) }

func ipcOnly(spec *Spec) map[string]string {
	return chosen(spec.Sysctls, func(key string) bool { return !isNet(key) })
}

func chosen(all map[string]string, want func(string) bool) map[string]string {
	var some map[string]string
	for key, value := range all {
		if want(key) {
			if some == nil {
				some = make(map[string]string)
			}
			some[key] = value
		}
	}
	return some
}

// sysctlPlan sets what --sysctl asked for, once the links are there that it may
// be about.
func sysctlPlan(run *state.Run) (p plan.Plan) {
	for _, key := range slices.Sorted(maps.Keys(run.Sysctls)) {
		p.Do(&plan.SysctlSet{NS: plan.NS(run.Netns), Key: key, Value: run.Sysctls[key]}, "asked for by --sysctl")
	}
	return p
}

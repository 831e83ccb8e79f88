package engine

import (
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// Modes of a namespace, as --pid, --uts and --ipc name them.
const (
	hostMode      = "host"
	noneMode      = "none"
	privateMode   = "private"
	shareableMode = "shareable"
)

// ipcModes are those of --ipc that need no other container.
var ipcModes = []string{noneMode, privateMode, shareableMode, hostMode}

// IPCModes are the values of --ipc, but for container:NAME.
func IPCModes() []string { return slices.Clone(ipcModes) }

// checkModes refuses namespaces that can't be, with Docker's texts.
func checkModes(spec *Spec) error {
	pidOf, guest := strings.CutPrefix(spec.PidMode, "container:")
	switch {
	case guest && pidOf != "" && spec.Init != nil && *spec.Init:
		return errorf("conflicting options: init and the PID namespace of another container, which has its PID 1")
	case spec.PidMode != "" && spec.PidMode != hostMode && (!guest || pidOf == ""):
		return errorf("--pid: invalid PID mode")
	case spec.UTSMode != "" && spec.UTSMode != hostMode:
		return errorf("--uts: invalid UTS mode")
	case spec.UTSMode == hostMode && spec.Hostname != "":
		return errorf("conflicting options: hostname and the UTS mode")
	case spec.UTSMode == hostMode && spec.Domainname != "":
		return errorf("conflicting options: domainname and the UTS mode")
	}
	ref, joins := strings.CutPrefix(spec.IpcMode, "container:")
	switch {
	case spec.IpcMode == hostMode:
		return checkIPCSysctls(spec, "the hosts ipc namespace")
	case spec.IpcMode == "" || slices.Contains(ipcModes, spec.IpcMode):
		return nil
	case !joins:
		return errorf("invalid IPC mode: %s", Printable(spec.IpcMode))
	case ref == "":
		return errorf("can't join IPC of container : invalid name or ID supplied: \"\"")
	}
	return checkIPCSysctls(spec, "the IPC namespace of another container: set it there")
}

// checkIPCSysctls refuses parameters of an IPC namespace that is not the
// container's own.
func checkIPCSysctls(spec *Spec, where string) error {
	for key := range ipcOnly(spec) {
		return errorf("sysctl %q is not allowed in %s", Printable(key), where)
	}
	return nil
}

// resolveModes turns the names of the containers whose namespaces are wanted
// into their ids.
func (e *Engine) resolveModes(spec *Spec) error {
	for _, mode := range []*string{&spec.PidMode, &spec.IpcMode} {
		ref, ok := strings.CutPrefix(*mode, "container:")
		if !ok {
			continue
		}
		donor, err := e.find(ref)
		if err != nil {
			return err
		}
		*mode = "container:" + donor.ID
	}
	return nil
}

// joinPID is the process whose PID namespace a container has, if it is another
// container's; that one has to run.
func (e *Engine) joinPID(spec *Spec) (state.Process, error) {
	id, ok := strings.CutPrefix(spec.PidMode, "container:")
	if !ok {
		return state.Process{}, nil
	}
	host, err := e.find(id)
	if err != nil {
		return state.Process{}, errorf("cannot join PID of a non running container: %s: %v", id, err)
	}
	run, err := e.executed(host)
	if err != nil {
		return state.Process{}, err
	}
	return run.Init, nil
}

// joinIPC is the process whose IPC namespace a container has, if it is another
// container's; that one has to run, and to agree.
func (e *Engine) joinIPC(spec *Spec) (state.Process, error) {
	id, ok := strings.CutPrefix(spec.IpcMode, "container:")
	if !ok {
		return state.Process{}, nil
	}
	donor, err := e.find(id)
	if err != nil {
		return state.Process{}, errorf("can't join IPC of container %s: %v", id, err)
	}
	run, err := e.running(donor)
	switch mode := donor.Spec.IpcMode; {
	case err != nil:
		return state.Process{}, errorf("can't join IPC of container %s: %v", id, err)
	case mode != shareableMode && mode != hostMode:
		return state.Process{}, errorf("can't join IPC of container %s: non-shareable IPC (hint: use IpcMode:shareable for the donor container)", id)
	case run.Init.Pid == 0:
		return state.Process{}, errorf("can't join IPC of container %s: %v", id, notRunning(donor))
	}
	return run.Init, nil
}

// share is what a container has of others' namespaces.
func share(spec *Spec, pidOf, ipcOf state.Process) sandbox.Share {
	return sandbox.Share{
		PID: spec.PidMode == hostMode, UTS: spec.UTSMode == hostMode,
		IPC: spec.IpcMode == hostMode, NoShm: spec.IpcMode == noneMode,
		PIDOf: sandbox.Peer(pidOf), IPCOf: sandbox.Peer(ipcOf),
	}
}

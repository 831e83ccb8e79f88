package engine

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/docker/go-units"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/sandbox"
)

// A hostConfigJSON is what was asked of the host, in Docker's keys and order.
// Limits of processors, memory and devices need cgroups, which minibridge
// doesn't touch: they stand at Docker's "no limit".
type hostConfigJSON struct {
	Binds                []string
	ContainerIDFile      string
	LogConfig            logConfigJSON
	NetworkMode          string
	PortBindings         bindingsJSON
	RestartPolicy        restartJSON
	AutoRemove           bool
	VolumeDriver         string
	VolumesFrom          []string
	ConsoleSize          [2]int
	Annotations          map[string]string `json:",omitempty"`
	CapAdd               []string
	CapDrop              []string
	CgroupnsMode         string
	DNS                  []string `json:"Dns"`
	DNSOptions           []string `json:"DnsOptions"`
	DNSSearch            []string `json:"DnsSearch"`
	ExtraHosts           []string
	GroupAdd             []string
	IpcMode              string
	Cgroup               string
	Links                []string
	OomScoreAdj          int
	PidMode              string
	Privileged           bool
	PublishAllPorts      bool
	ReadonlyRootfs       bool
	SecurityOpt          []string
	StorageOpt           map[string]string `json:",omitempty"`
	Tmpfs                map[string]string `json:",omitempty"`
	UTSMode              string
	UsernsMode           string
	ShmSize              int64
	Sysctls              map[string]string `json:",omitempty"`
	Runtime              string
	Umask                *uint32 `json:",omitempty"`
	Isolation            string
	CPUShares            int64 `json:"CpuShares"`
	Memory               int64
	NanoCPUs             int64 `json:"NanoCpus"`
	CgroupParent         string
	BlkioWeight          uint16
	BlkioWeightDevice    []any
	BlkioDeviceReadBps   []any
	BlkioDeviceWriteBps  []any
	BlkioDeviceReadIOps  []any
	BlkioDeviceWriteIOps []any
	CPUPeriod            int64 `json:"CpuPeriod"`
	CPUQuota             int64 `json:"CpuQuota"`
	CPURealtimePeriod    int64 `json:"CpuRealtimePeriod"`
	CPURealtimeRuntime   int64 `json:"CpuRealtimeRuntime"`
	CpusetCpus           string
	CpusetMems           string
	Devices              []any
	DeviceCgroupRules    []string
	DeviceRequests       []any
	KernelMemoryTCP      int64 `json:",omitempty"`
	MemoryReservation    int64
	MemorySwap           int64
	MemorySwappiness     *int64
	OomKillDisable       *bool
	PidsLimit            *int64
	Ulimits              []units.Ulimit
	CPUCount             int64 `json:"CpuCount"`
	CPUPercent           int64 `json:"CpuPercent"`
	IOMaximumIOps        uint64
	IOMaximumBandwidth   uint64
	Mounts               []mountSpecJSON `json:",omitempty"`
	MaskedPaths          []string
	ReadonlyPaths        []string
	Init                 *bool `json:",omitempty"`
}

type logConfigJSON struct {
	Type   string
	Config map[string]string
}

type restartJSON struct {
	Name              string
	MaximumRetryCount int
}

// bindingsJSON are the host's ends of ports. The keys are of a type of their own,
// as Docker's: a template that looks one up by text is thrown back on the JSON's
// keys, and so sees a binding as a map.
type bindingsJSON map[portJSON][]bindingJSON

// A portJSON is a port as Docker writes it: 80/tcp.
type portJSON string

// A bindingJSON is a host address and port.
type bindingJSON struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

// shmSize is that of a container's /dev/shm, in bytes.
const shmSize = 64 << 20

func hostConfigOf(c *state.Container) (hostConfigJSON, error) {
	spec := &c.Spec
	bindings, err := bindingsOf(spec)
	empty := []any{}
	j := hostConfigJSON{
		ContainerIDFile: spec.CIDFile,
		LogConfig:       logConfigOf(spec),
		NetworkMode:     spec.Network, PortBindings: bindings,
		RestartPolicy: restartJSON{cmp.Or(spec.Restart.Policy, state.RestartNo), spec.Restart.Retries}, AutoRemove: spec.AutoRemove,
		CapAdd: sandbox.CapNames(spec.CapAdd), CapDrop: sandbox.CapNames(spec.CapDrop), CgroupnsMode: "private",
		DNS: append([]string{}, spec.DNS...), DNSOptions: append([]string{}, spec.DNSOptions...),
		DNSSearch: append([]string{}, spec.DNSSearch...), ExtraHosts: spec.ExtraHosts,
		IpcMode: cmp.Or(spec.IpcMode, privateMode), PidMode: spec.PidMode, UTSMode: spec.UTSMode,
		Privileged: spec.Privileged, PublishAllPorts: spec.PublishAll, ShmSize: shmSize, Sysctls: spec.Sysctls, Runtime: "minibridge",
		BlkioWeightDevice: empty, BlkioDeviceReadBps: empty, BlkioDeviceWriteBps: empty,
		BlkioDeviceReadIOps: empty, BlkioDeviceWriteIOps: empty, Devices: empty, Ulimits: append([]units.Ulimit{}, spec.Ulimits...),
		SecurityOpt: securityOptOf(spec), Init: spec.Init,
	}
	for _, v := range spec.Volumes {
		j.Binds = append(j.Binds, v.String())
	}
	j.Tmpfs, j.Mounts, j.ReadonlyRootfs = spec.Tmpfs, mountSpecsOf(spec), spec.ReadOnly
	switch {
	case spec.Privileged:
	case slices.Contains(spec.SecurityOpt, unmasked):
		j.MaskedPaths, j.ReadonlyPaths = []string{}, []string{}
	default:
		j.MaskedPaths, j.ReadonlyPaths = sandbox.MaskedPaths, sandbox.ReadonlyPaths
	}
	return j, err
}

// bindingsOf is the published ports as they were asked for.
func bindingsOf(spec *state.Spec) (bindingsJSON, error) {
	specs, err := nat.ParseSpecs(spec.Publish)
	all := make(bindingsJSON)
	for _, s := range specs {
		for i, p := range s.Ports() {
			b := bindingJSON{}
			if s.HostIP.IsValid() {
				b.HostIP = s.HostIP.String()
			}
			switch {
			case s.Fixed():
				b.HostPort = strconv.Itoa(int(s.HostFirst) + i)
			case !s.Ephemeral():
				b.HostPort = strconv.Itoa(int(s.HostFirst)) + "-" + strconv.Itoa(int(s.HostLast))
			}
			key := portJSON(p.String())
			all[key] = append(all[key], b)
		}
	}
	return all, err
}

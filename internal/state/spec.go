package state

import "github.com/docker/go-units"

// Spec is what a person asked for: all that is needed to start a container
// again. Ports are kept as Docker's -p and --expose take them.
type Spec struct {
	Args        []string          `json:"args"`
	Entrypoint  string            `json:"entrypoint,omitempty"` // the first of Args, if it came by --entrypoint
	Env         []string          `json:"env,omitempty"`        // NAME=value, as -e and --env-file gave them
	Dir         string            `json:"dir,omitempty"`        // working directory; "" = / with --rootfs, else where run was called
	CallerDir   string            `json:"caller_dir,omitempty"`
	User        string            `json:"user,omitempty"` // user[:group], names or numbers
	Hostname    string            `json:"hostname,omitempty"`
	RootFS      string            `json:"rootfs,omitempty"` // absolute; "" = the host's own root, copy-on-write
	Volumes     []Volume          `json:"volumes,omitempty"`
	Mounts      []Mount           `json:"mounts,omitempty"`
	Tmpfs       map[string]string `json:"tmpfs,omitempty"`     // --tmpfs: options by directory, as given
	ReadOnly    bool              `json:"read_only,omitempty"` // the root file system
	CapAdd      []string          `json:"cap_add,omitempty"`
	CapDrop     []string          `json:"cap_drop,omitempty"`
	Privileged  bool              `json:"privileged,omitempty"`
	SecurityOpt []string          `json:"security_opt,omitempty"` // as given; of a seccomp profile its content
	Ulimits     []units.Ulimit    `json:"ulimits,omitempty"`      // by name
	Init        *bool             `json:"init,omitempty"`         // an init of ours is PID 1; nil = not said
	PidMode     string            `json:"pid_mode,omitempty"`     // host, container:ID; "" = its own
	UTSMode     string            `json:"uts_mode,omitempty"`     // likewise
	IpcMode     string            `json:"ipc_mode,omitempty"`     // none, private, shareable, host, container:ID; "" = private
	LogDriver   string            `json:"log_driver,omitempty"`   // none = it has no log
	LogOpts     map[string]string `json:"log_opts,omitempty"`
	Network     string            `json:"network"`   // where it was made: bridge, none, host, container:ID, or the first network's name
	Endpoints   []Wish            `json:"endpoints"` // in the order of connecting; none when it shares another container's
	Domainname  string            `json:"domainname,omitempty"`
	Sysctls     map[string]string `json:"sysctls,omitempty"` // of its namespaces, as sysctl(8) names them
	DNS         []string          `json:"dns,omitempty"`     // name servers in the place of the host's
	DNSSearch   []string          `json:"dns_search,omitempty"`
	DNSOptions  []string          `json:"dns_options,omitempty"`
	ExtraHosts  []string          `json:"extra_hosts,omitempty"` // NAME:ADDRESS, or NAME:host-gateway
	Publish     []string          `json:"publish,omitempty"`
	PublishAll  bool              `json:"publish_all,omitempty"`
	Expose      []string          `json:"expose,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	AutoRemove  bool              `json:"auto_remove,omitempty"`
	OpenStdin   bool              `json:"open_stdin,omitempty"`
	Tty         bool              `json:"tty,omitempty"` // its streams are one terminal
	Detach      bool              `json:"detach,omitempty"`
	Attach      []string          `json:"attach,omitempty"` // what the one who runs it gets: stdin, stdout, stderr; none = as -i and -d say
	CIDFile     string            `json:"cidfile,omitempty"`
	Restart     Restart           `json:"restart,omitzero"`
	StopSignal  string            `json:"stop_signal,omitempty"`  // as given; "" = SIGTERM
	StopTimeout *int              `json:"stop_timeout,omitempty"` // seconds until SIGKILL, under 0 for ever; nil = not said
}

// Restart is one --restart: when a container whose command has ended is started
// again.
type Restart struct {
	Policy  string `json:"policy,omitempty"`  // one of those below; "" = no
	Retries int    `json:"retries,omitempty"` // of on-failure, how often at most; 0 = without end
}

// Policies are Docker's words.
const (
	RestartNo            = "no"
	RestartAlways        = "always"
	RestartOnFailure     = "on-failure"
	RestartUnlessStopped = "unless-stopped"
)

// None says that nothing starts it again.
func (r Restart) None() bool { return r.Policy == "" || r.Policy == RestartNo }

// A Wish is what a person asked of a container's endpoint on one network. What
// is empty is left to choice.
type Wish struct {
	Network    string            `json:"network"`           // its name
	Aliases    []string          `json:"aliases,omitempty"` // more names for the container, on a network that people made
	IP         string            `json:"ip,omitempty"`
	IP6        string            `json:"ip6,omitempty"`
	MAC        string            `json:"mac,omitempty"`
	Priority   int               `json:"priority,omitempty"` // the highest gives the default route
	DriverOpts map[string]string `json:"driver_opts,omitempty"`
	Connected  bool              `json:"connected,omitempty"` // it came later than the container
}

// Volume is one -v.
type Volume struct {
	Source   string `json:"source"` // absolute, on the host
	Target   string `json:"target"` // absolute, in the container
	ReadOnly bool   `json:"read_only,omitempty"`
}

// Types of mounts.
const (
	BindMount  = "bind"
	TmpfsMount = "tmpfs"
)

// Mount is one --mount.
type Mount struct {
	Type        string `json:"type"`
	Source      string `json:"source,omitempty"` // absolute, on the host; a bind has one
	Target      string `json:"target"`           // absolute, in the container
	ReadOnly    bool   `json:"read_only,omitempty"`
	Consistency string `json:"consistency,omitempty"` // says nothing on Linux
	Propagation string `json:"propagation,omitempty"`
	Recursive   string `json:"recursive,omitempty"` // of a bind: "", disabled, writable, readonly
	Size        int64  `json:"size,omitempty"`      // of a tmpfs, in bytes
	Mode        uint32 `json:"mode,omitempty"`      // of a tmpfs; 0 = 1777, as with Docker
}

// String is the volume as -v takes it.
func (v Volume) String() string {
	s := v.Source + ":" + v.Target
	if v.ReadOnly {
		s += ":ro"
	}
	return s
}

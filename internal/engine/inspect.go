package engine

import (
	"strings"
	"time"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// A containerJSON is what inspect prints of a container: Docker's fields, with
// its keys in its order. What there is none of here (images, cgroups) is empty;
// a template finds also what JSON leaves out then.
type containerJSON struct {
	ID              string `json:"Id"`
	Id              string `json:"-"` // who reads the JSON asks a template for this one
	Created         string
	Path            string
	Args            []string
	State           stateJSON
	Image           string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string
	RestartCount    int
	Driver          string
	Platform        string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	ExecIDs         []string
	HostConfig      hostConfigJSON
	GraphDriver     graphDriverJSON
	Storage         none   `json:",omitempty"`
	SizeRw          *int64 `json:",omitempty"`
	SizeRootFs      *int64 `json:",omitempty"`
	Mounts          []mountJSON
	Config          configJSON
	NetworkSettings networkSettingsJSON

	ImageManifestDescriptor none `json:",omitempty"`
}

// none is the value of a field of Docker's that nothing here has.
type none *struct{}

type stateJSON struct {
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  string
	FinishedAt string
	Health     none `json:",omitempty"`
}

type graphDriverJSON struct {
	Data map[string]string
	Name string
}

type configJSON struct {
	Hostname     string
	Domainname   string
	User         string
	AttachStdin  bool
	AttachStdout bool
	AttachStderr bool
	ExposedPorts map[portJSON]struct{} `json:",omitempty"`
	Tty          bool
	OpenStdin    bool
	StdinOnce    bool
	Env          []string
	Cmd          []string
	Healthcheck  none `json:",omitempty"`
	ArgsEscaped  bool `json:",omitempty"`
	Image        string
	Volumes      map[string]struct{}
	WorkingDir   string
	Entrypoint   []string
	OnBuild      []string
	Labels       map[string]string
	StopSignal   string   `json:",omitempty"`
	StopTimeout  *int     `json:",omitempty"`
	Shell        []string `json:",omitempty"`

	NetworkDisabled bool   `json:",omitempty"`
	MacAddress      string `json:",omitempty"`
}

// Inspect is all there is to say of one container, ready to be printed as
// JSON or through a template.
func (e *Engine) Inspect(ref string) (any, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	j, err := e.inspect(c)
	if err != nil {
		return nil, err
	}
	return j, nil
}

// InspectSize is Inspect, and how much the container has written to its files.
func (e *Engine) InspectSize(ref string) (any, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	j, err := e.inspect(c)
	if err != nil {
		return nil, err
	}
	size, err := e.layerSize(c)
	if err != nil {
		return nil, err
	}
	j.SizeRw, j.SizeRootFs = &size, &size
	return j, nil
}

func (e *Engine) inspect(c *state.Container) (*containerJSON, error) {
	run, st := e.status(c)
	if run == nil && st.Status == state.Running {
		_, err := e.running(c)
		return nil, err
	}
	networks, err := e.dirs.Networks()
	if err != nil {
		return nil, err
	}
	config, err := configOf(c, run)
	if err != nil {
		return nil, err
	}
	host, err := hostConfigOf(c)
	if err != nil {
		return nil, err
	}
	settings, err := networkSettingsOf(c, run, networks)
	if err != nil {
		return nil, err
	}
	j := &containerJSON{
		ID: c.ID, Id: c.ID, Created: timeText(c.Created), Path: c.Spec.Args[0], Args: append([]string{}, c.Spec.Args[1:]...),
		State: stateOf(run, st), Name: "/" + c.Name, RestartCount: c.Restarts, Driver: "overlay", Platform: "linux",
		HostConfig: host, Mounts: mountsOf(&c.Spec), Config: config, NetworkSettings: settings,
	}
	e.paths(j, c)
	return j, nil
}

func stateOf(run *state.Run, st state.State) stateJSON {
	j := stateJSON{
		Status: st.Word(), Running: st.Up(), Paused: st.Paused, Restarting: st.Status == state.Restarting, ExitCode: st.ExitCode,
		Error: st.Error, StartedAt: timeText(st.Started), FinishedAt: timeText(st.Finished),
	}
	if run != nil {
		j.Pid = run.Init.Pid
	}
	return j
}

// timeText is a time as Docker's API has it, also for a template.
func timeText(t time.Time) string { return t.Format(time.RFC3339Nano) }

// rootOf is where a container's files lie.
func (e *Engine) rootOf(c *state.Container) sandbox.Root {
	return sandbox.Root{Dir: c.Spec.RootFS, Layers: e.dirs.Layer(c.ID)}
}

// paths are where the container's files lie on the host, once it has run.
func (e *Engine) paths(j *containerJSON, c *state.Container) {
	root := e.rootOf(c)
	lower := c.Spec.RootFS
	if lower == "" {
		lower = "/"
	}
	j.GraphDriver = graphDriverJSON{Name: "overlay", Data: map[string]string{"LowerDir": lower, "UpperDir": root.Upper()}}
	if c.State.Started.IsZero() {
		return
	}
	j.ResolvConfPath = root.Upper() + resolvFile
	j.HostnamePath = root.Upper() + hostnameFile
	j.HostsPath = root.Upper() + hostsFile
	if c.Spec.LogDriver != noLog {
		j.LogPath = e.dirs.Log(c.ID)
	}
}

// givenEnv is what was asked for, as it was, and the PATH that Docker takes from
// an image.
func givenEnv(asked []string) []string {
	env := append([]string{}, asked...)
	for _, v := range asked {
		if name, _, _ := strings.Cut(v, "="); name == "PATH" {
			return env
		}
	}
	return append(env, "PATH="+searchPath)
}

func configOf(c *state.Container, run *state.Run) (configJSON, error) {
	spec, a := &c.Spec, attachmentOf(c)
	j := configJSON{
		Hostname: hostname(c), Domainname: spec.Domainname, User: spec.User,
		AttachStdin: a.stdin, AttachStdout: a.stdout, AttachStderr: a.stderr,
		Tty: spec.Tty, OpenStdin: spec.OpenStdin, StdinOnce: stdinOnce(c),
		Env: givenEnv(spec.Env), Cmd: spec.Args, WorkingDir: workingDir(spec), Labels: spec.Labels,
		StopSignal: spec.StopSignal, StopTimeout: spec.StopTimeout,
	}
	if run != nil {
		j.Hostname = execHostname(c, run)
	}
	if j.Labels == nil {
		j.Labels = map[string]string{}
	}
	if spec.Entrypoint != "" {
		j.Entrypoint, j.Cmd = spec.Args[:1], append([]string(nil), spec.Args[1:]...)
	}
	ports, err := exposedPorts(spec)
	for _, p := range ports {
		if j.ExposedPorts == nil {
			j.ExposedPorts = make(map[portJSON]struct{})
		}
		j.ExposedPorts[portJSON(p.String())] = struct{}{}
	}
	return j, err
}

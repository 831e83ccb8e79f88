package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

// runFlags are the flags of run as they were typed.
type runFlags struct {
	spec         engine.Spec
	name         string
	env          []string
	envFiles     []string
	volumes      []string
	labels       []string
	labelFiles   []string
	entrypoint   string
	networks     []engine.Wish
	extraHosts   []string
	sysctls      []string
	logOpts      []string
	securityOpts []string
	restart      string
	stand        standFlags
	endpoint     engine.Wish // what --network-alias, --ip and the like say of the first network
}

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "run [OPTIONS] COMMAND [ARG...]",
		Short: "Create and run a new container",
		Long: `Create and run a new container. There is no image: the command sees this
machine's own files, copy-on-write, so any program that is installed here runs;
or those of --rootfs. It starts where you stand, or in / with --rootfs.

--network has a longer form, name=NETWORK and, after commas, any of alias=NAME,
ip=ADDRESS, ip6=ADDRESS, mac-address=ADDRESS, driver-opt=KEY=VALUE and
gw-priority=NUMBER; the network with the highest number gives the way out.
--network-alias, --ip, --ip6 and --mac-address are about the first network.

With --restart a command that has ended is started again, after 100 ms and then
after twice as long each time, up to a minute, until you stop or kill it. That
is its supervisor's work: after a reboot nothing starts by itself.`,
		Example: `  minibridge run --rm ip addr
  minibridge run --rm -it bash
  minibridge run -d --name app -p 8080:8000 python3 -m http.server 8000
  minibridge run -d --restart on-failure:3 ping -c1 172.17.0.1
  minibridge run --rm --network none ip addr
  minibridge run --rm --network container:web ss -tln
  minibridge run --rm --network name=bridge,gw-priority=1 ip route
  minibridge run --rm --sysctl net.ipv4.ip_default_ttl=42 ping -c1 127.0.0.1`,
		Args: f.enough,
		RunE: func(c *cobra.Command, args []string) error {
			a.failure = 125
			f.spec.Args = args
			return a.run(c.Context(), f)
		},
	}
	c.Flags().BoolVarP(&f.spec.Detach, "detach", "d", false, "run in the background and print the container's id")
	f.stand.bindAll(c.Flags())
	f.bind(c.Flags())
	return c
}

// bind gives each flag its place. -h is --hostname, as in Docker.
func (f *runFlags) bind(flags *pflag.FlagSet) {
	flags.SetInterspersed(false)
	flags.BoolVarP(&f.spec.OpenStdin, "interactive", "i", false, "keep standard input open")
	flags.BoolVarP(&f.spec.Tty, "tty", "t", false, "give it a terminal; -it for a shell to type into")
	flags.VarP(&streamsValue{&f.spec.Attach}, "attach", "a", "attach to this one alone: STDIN, STDOUT or STDERR")
	flags.BoolVar(&f.spec.AutoRemove, "rm", false, "remove the container when it ends")
	flags.StringVar(&f.name, "name", "", "`name` of the container and of its network namespace")
	flags.VarP(&listValue{list: &f.labels, check: checkLabel}, "label", "l", "set a label: KEY or KEY=VALUE")
	flags.Var(&listValue{list: &f.labelFiles}, "label-file", "read labels from a file of KEY=VALUE lines")
	flags.StringVar(&f.spec.LogDriver, "log-driver", "", "none for no log (default json-file, which means the log that there is)")
	flags.Var(&listValue{list: &f.logOpts}, "log-opt", "limit the log: max-size=10m, max-file=3")
	flags.StringVar(&f.spec.CIDFile, "cidfile", "", "write the container's id to a new `file`")
	flags.Bool("help", false, "")
	group(flags, "Options")

	flags.VarP(&listValue{list: &f.spec.Publish}, "publish", "p", "publish a port or range to the host: [[HOSTIP:][HOSTPORT]:]PORT[/PROTO]")
	flags.BoolVarP(&f.spec.PublishAll, "publish-all", "P", false, "publish every exposed port to one that is free")
	flags.Var(&listValue{list: &f.spec.Expose}, "expose", "say that a port or range is listened on")
	flags.Var(&networkValue{wishes: &f.networks}, "network", "connect to a network, or several: NAME, bridge, none, host, container:NAME (default bridge)")
	flags.Var(&listValue{list: &f.endpoint.Aliases}, "network-alias", "one more name for the container, on a network that people made")
	flags.Var(&networkValue{wishes: &f.networks}, "net", "")
	flags.Var(&listValue{list: &f.endpoint.Aliases}, "net-alias", "")
	flags.MarkHidden("net") // their older names
	flags.MarkHidden("net-alias")
	flags.StringVar(&f.endpoint.IP, "ip", "", "IPv4 `address` of the container, on a network with a subnet of one's own")
	flags.StringVar(&f.endpoint.IP6, "ip6", "", "IPv6 `address` of the container, likewise")
	flags.StringVar(&f.endpoint.MAC, "mac-address", "", "hardware `address` of the container's link")
	flags.Var(&listValue{check: noLinkLocal}, "link-local-ip", "")
	flags.MarkHidden("link-local-ip") // it says why there is none
	flags.Var(&listValue{list: &f.spec.DNS, check: checkDNS}, "dns", "name server to ask instead of the host's")
	flags.Var(&listValue{list: &f.spec.DNSSearch, check: checkDomain}, "dns-search", "domain to look names up in; . for none")
	flags.Var(&listValue{list: &f.spec.DNSOptions}, "dns-option", "option for the resolver (resolv.conf(5))")
	flags.Var(&listValue{list: &f.spec.DNSOptions}, "dns-opt", "")
	flags.MarkHidden("dns-opt") // its older name
	flags.Var(&listValue{list: &f.extraHosts, check: checkExtraHost}, "add-host", "line for /etc/hosts: NAME:ADDRESS, or NAME:host-gateway")
	flags.StringVarP(&f.spec.Hostname, "hostname", "h", "", "host `name` of the container (default its short id)")
	flags.StringVar(&f.spec.Domainname, "domainname", "", "domain `name` of the container")
	flags.Var(&listValue{list: &f.sysctls, check: checkSysctl}, "sysctl", "set a kernel parameter of the container's namespaces: NAME=VALUE")
	group(flags, "Network")

	flags.VarP(&listValue{list: &f.env, check: checkEnv}, "env", "e", "set a variable: NAME=VALUE, or NAME to copy yours")
	flags.Var(&listValue{list: &f.envFiles}, "env-file", "read variables from a file of NAME=VALUE lines")
	flags.StringVar(&f.entrypoint, "entrypoint", "", "the `command`; what stands in its place are its arguments then")
	flags.StringVarP(&f.spec.Dir, "workdir", "w", "", "working directory in the container; it is made if missing")
	flags.StringVarP(&f.spec.User, "user", "u", "", "`user` to run as, and group: NAME|UID[:GROUP|GID]")
	flags.VarP(&listValue{list: &f.volumes}, "volume", "v", "show a host directory in the container: SOURCE:TARGET[:ro]")
	f.bindMounts(flags)
	flags.StringVar(&f.spec.RootFS, "rootfs", "", "take this `directory` for the root file system, copy-on-write")
	group(flags, "Process and files")

	f.bindLife(flags)
	group(flags, "End and restart")

	flags.Var(&listValue{list: &f.spec.CapAdd}, "cap-add", "add a Linux capability, or ALL")
	flags.Var(&listValue{list: &f.spec.CapDrop}, "cap-drop", "drop a Linux capability, or ALL")
	flags.BoolVar(&f.spec.Privileged, "privileged", false, "give the container all capabilities and devices")
	f.bindRights(flags)
	group(flags, "Rights")
}

// run does what the flags say.
func (a *app) run(ctx context.Context, f *runFlags) error {
	if err := f.resolve(); err != nil {
		return err
	}
	if a.dryRun {
		e, err := a.anybodysEngine()
		if err != nil {
			return err
		}
		return e.DryRun(ctx, f.spec, f.name, a.out)
	}
	e, err := a.engine()
	if err != nil {
		return err
	}
	f.warn()
	streams := f.stand.of(a.streams())
	if f.spec.Detach {
		streams.Out = a.out // the id comes to stand above the seconds
	}
	return a.progress.during(strings.TrimSpace("run "+f.name), func() error {
		a.code, err = e.Run(ctx, f.spec, f.name, streams)
		return err
	})
}

// warn says what will not be as it was asked for.
func (f *runFlags) warn() {
	for _, server := range f.spec.DNS {
		if addr, err := netip.ParseAddr(server); err == nil && addr.IsLoopback() {
			fmt.Fprintf(os.Stderr, "WARNING: Localhost DNS (%s) may fail in containers.\n", server)
		}
	}
	if f.spec.Network == "host" && len(f.spec.Publish) > 0 {
		os.Stderr.WriteString("WARNING: Published ports are discarded when using host network mode\n")
	}
}

// resolve turns what was typed into what is meant, as seen from here: files
// are read, relative paths are made whole.
func (f *runFlags) resolve() (err error) {
	if f.spec.Env, err = readEnv(f.envFiles, f.env); err != nil {
		return err
	}
	if f.spec.Volumes, err = parseVolumes(f.volumes); err != nil {
		return err
	}
	if f.spec.SecurityOpt, err = readSecurityOpts(f.securityOpts); err != nil {
		return err
	}
	if f.labels, err = readLabels(f.labelFiles, f.labels); err != nil {
		return err
	}
	f.spec.Labels = pairs(f.labels)
	if f.spec.Entrypoint = f.entrypoint; f.entrypoint != "" {
		f.spec.Args = append([]string{f.entrypoint}, f.spec.Args...)
	}
	if f.spec.Restart, err = parseRestart(f.restart); err != nil {
		return err
	}
	f.spec.ExtraHosts = parseExtraHosts(f.extraHosts)
	if f.spec.Network, f.spec.Endpoints, err = f.endpoints(); err != nil {
		return err
	}
	f.spec.Sysctls = pairs(f.sysctls)
	f.spec.LogOpts = pairs(f.logOpts)
	f.spec.CallerDir = "/"
	if dir, err := os.Getwd(); err == nil { // it may be gone
		f.spec.CallerDir = dir
	}
	if f.spec.RootFS != "" {
		f.spec.RootFS, err = absolute(f.spec.RootFS)
	}
	return err
}

// enough wants a command, in one of its two places.
func (f *runFlags) enough(c *cobra.Command, args []string) error {
	if f.entrypoint != "" {
		return nil
	}
	return atLeast(1)(c, args)
}

// pairs reads values of the form KEY or KEY=VALUE, the last of a key.
func pairs(values []string) map[string]string {
	all := make(map[string]string)
	for _, v := range values {
		key, value, _ := strings.Cut(v, "=")
		all[key] = value
	}
	return all
}

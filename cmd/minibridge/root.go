package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/plan"
)

// An app is one call of the command: its global flags, and how it ends.
type app struct {
	rootDir  string
	runDir   string
	firewall string
	explain  bool
	dryRun   bool

	lastResort bool // the verb is reset

	interrupts *interrupts

	out      *output
	progress *progress
	failure  int // exit code of an error that names none
	code     int // exit code when there was no error
}

// rootCommand is the whole command line. Docker's verbs stand in the order of
// a container's life; ours follow.
func (a *app) rootCommand() *cobra.Command {
	a.failure = 1
	root := &cobra.Command{
		Use:   "minibridge [OPTIONS] COMMAND [ARG...]",
		Short: "Do to this kernel what Docker does underneath docker run -p 8000:8000",
		Long: `Do to this kernel what Docker does underneath docker run -p 8000:8000: bridges,
veth pairs, network namespaces and NAT, without images and without a daemon.

Each of --dry-run, --explain, --firewall, --root and --run-dir may stand before
or after the command, and has a variable: MINIBRIDGE_DRY_RUN and so on.

On a terminal addresses, links and states have the colours of ip --color, unless
NO_COLOR is set or TERM is dumb. What --format prints has none, nor have the
commands of --dry-run, --explain and script: they are there to be copied.`,
		Example: `  minibridge run -d --name app -p 8080:8000 python3 -m http.server 8000
  minibridge --dry-run run -p 8080:8000 python3 -m http.server 8000
  minibridge script`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
		Args:          cobra.ArbitraryArgs,
		RunE:          helpUnasked,
	}
	root.SetVersionTemplate(fmt.Sprintf("minibridge version %s, build %.7s\n", version, commit()))
	root.SetFlagErrorFunc(flagError)
	root.SetHelpTemplate(helpTemplate)
	root.SetHelpCommand(helpCommand())
	a.globalFlags(root)
	add(root, containerGroup, append(a.containerCommands(), a.psCommand("ps"), a.inspectCommand(), a.eventsCommand(), a.infoCommand(), a.containerCommand())...)
	add(root, networkGroup, a.networkCommand())
	add(root, ownGroup, a.publishCommand(), a.unpublishCommand(), a.scriptCommand(), a.checkCommand(), a.repairCommand(), a.benchCommand(), a.resetCommand(), a.completionCommand(), a.referenceCommand(), a.versionCommand())
	dress(root)
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Usage = "print the version"
	return root
}

func add(to *cobra.Command, groupID string, all ...*cobra.Command) {
	to.AddGroup(&cobra.Group{ID: groupID, Title: groupID})
	for _, c := range all {
		c.GroupID = groupID
	}
	to.AddCommand(all...)
}

// containerCommands are the verbs that are also `container VERB`.
func (a *app) containerCommands() []*cobra.Command {
	return []*cobra.Command{
		a.runCommand(), a.createCommand(), a.startCommand(), a.execCommand(), a.attachCommand(), a.logsCommand(),
		a.stopCommand(), a.restartCommand(), a.killCommand(), a.pauseCommand(), a.unpauseCommand(), a.renameCommand(),
		a.rmCommand(), a.waitCommand(), a.portCommand(), a.topCommand(),
	}
}

// containerCommand has the verbs once more, under Docker's longer names.
func (a *app) containerCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "container",
		Short: "The same by Docker's longer names: container ls …",
		Args:  cobra.ArbitraryArgs,
		RunE:  helpUnasked,
	}
	c.AddCommand(append(a.containerCommands(), a.psCommand("ls", "list", "ps"), a.containerInspectCommand(), a.containerPruneCommand())...)
	return c
}

// globalFlags may stand before or after the verb; each has its environment
// variable.
func (a *app) globalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.BoolVar(&a.dryRun, "dry-run", false, "print the commands as a script, change nothing")
	flags.BoolVarP(&a.explain, "explain", "x", false, "print each command as it is done, like sh -x")
	flags.StringVar(&a.firewall, "firewall", os.Getenv("MINIBRIDGE_FIREWALL"), "`kind` of rules to write: "+strings.Join(engine.Firewalls(), " or ")+"; it stays until reset (default \""+engine.DefaultFirewall+"\")")
	flags.StringVar(&a.rootDir, "root", cmp.Or(os.Getenv("MINIBRIDGE_ROOT"), engine.DefaultRoot), "`directory` of definitions and logs")
	flags.StringVar(&a.runDir, "run-dir", cmp.Or(os.Getenv("MINIBRIDGE_RUN_DIR"), engine.DefaultRunDir), "`directory` of what is up now")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if c.Name() == cobra.ShellCompRequestCmd {
			a.completeWords(root)
			return nil // who is typing has no use for errors
		}
		for name, on := range map[string]*bool{"dry-run": &a.dryRun, "explain": &a.explain} {
			if err := a.fromEnv(c, name, on); err != nil {
				return err
			}
		}
		return nil
	}
}

// envName is the environment variable of a global flag.
var envName = map[string]string{"dry-run": "MINIBRIDGE_DRY_RUN", "explain": "MINIBRIDGE_EXPLAIN"}

// fromEnv sets a switch that no flag has set. A value that can't be read is an
// error: who meant --dry-run must not get the real thing.
func (a *app) fromEnv(c *cobra.Command, flag string, on *bool) (err error) {
	value := os.Getenv(envName[flag])
	if value == "" || c.Flags().Changed(flag) {
		return nil
	}
	if *on, err = strconv.ParseBool(value); err != nil {
		return &engine.Error{Text: fmt.Sprintf("invalid value %q of %s: must be true or false", value, envName[flag]), Code: 125}
	}
	return nil
}

// engine opens the engine with the global flags, for root, who is about to
// change something: from then on an interrupt is the verb's to heed.
func (a *app) engine() (*engine.Engine, error) {
	e, err := a.rootsEngine()
	if err == nil && !a.dryRun {
		a.interrupts.hold(true)
	}
	return e, err
}

func (a *app) rootsEngine() (*engine.Engine, error) {
	if err := needsRoot(); err != nil {
		return nil, err
	}
	return a.anybodysEngine()
}

func needsRoot() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return &engine.Error{
		Text: "permission denied: minibridge changes the kernel's network and reads root's records, so it needs root",
		Hint: plan.Command(append([]string{"sudo", "minibridge"}, os.Args[1:]...)...),
	}
}

// tidied opens the engine for a verb that need not take the lock, or looks for
// somebody first, on a machine in order: whatever was killed is cleaned up
// after, but not by a dry run.
func (a *app) tidied(c *cobra.Command) (*engine.Engine, error) {
	e, err := a.engine()
	return a.tidy(c, e, err)
}

// onlooking does so for a verb that changes nothing, and so has nothing in hand
// but while the engine holds the lock.
func (a *app) onlooking(c *cobra.Command) (*engine.Engine, error) {
	e, err := a.rootsEngine()
	return a.tidy(c, e, err)
}

func (a *app) tidy(c *cobra.Command, e *engine.Engine, err error) (*engine.Engine, error) {
	if err != nil || a.dryRun {
		return e, err
	}
	return e, e.Tidy(c.Context(), c.Name())
}

// anybodysEngine does so for verbs that need not be root.
func (a *app) anybodysEngine() (*engine.Engine, error) {
	c := engine.Config{Firewall: a.firewall, LastResort: a.lastResort, Notice: a.progress, Holding: a.interrupts.hold}
	if a.explain {
		c.Explain = a.progress
	}
	var err error
	if c.Root, err = directory("root", a.rootDir); err != nil {
		return nil, err
	}
	if c.RunDir, err = directory("run-dir", a.runDir); err != nil {
		return nil, err
	}
	if c.Root == c.RunDir {
		return nil, &engine.Error{Text: fmt.Sprintf("--root and --run-dir are both %s: they need to be two directories", c.Root), Code: 125}
	}
	if err := startPoller(); err != nil {
		return nil, err
	}
	e, err := engine.New(c)
	if err != nil {
		return nil, &engine.Error{Text: err.Error(), Hint: engine.Hint(err), Code: 125}
	}
	return e, nil
}

// directory is the value of a flag as an absolute path: a supervisor stands
// elsewhere. It need not be there yet, but nothing else may be in its place, where
// nobody would find a record, and a list be empty.
func directory(flag, value string) (string, error) {
	if value == "" {
		return "", &engine.Error{Text: fmt.Sprintf("invalid argument %q for \"--%s\" flag: it needs to be a directory", value, flag), Code: 125}
	}
	abs, err := filepath.Abs(value)
	if err != nil {
		return "", &engine.Error{Text: fmt.Sprintf("--%s %s: %v", flag, value, err), Code: 125}
	}
	info, err := os.Stat(abs)
	if err == nil && !info.IsDir() || errors.Is(err, syscall.ENOTDIR) {
		return "", &engine.Error{Text: fmt.Sprintf("--%s %s: %v", flag, value, syscall.ENOTDIR), Code: 125}
	}
	return abs, nil
}

// streams are the person's. Once signals go to the command, so does the screen.
func (a *app) streams() engine.Streams {
	return engine.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Forwarding: func() {
		a.progress.settled()
		a.interrupts.letThrough()
	}}
}

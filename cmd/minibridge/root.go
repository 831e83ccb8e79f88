package main

import (
	"cmp"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

// An app is one call of the command: its global flags, and how it ends.
type app struct {
	rootDir  string
	runDir   string
	firewall string
	explain  bool
	dryRun   bool

	failure int // exit code of an error that names none
	code    int // exit code when there was no error
}

// rootCommand is the whole command line. Docker's verbs stand in the order of
// a container's life; ours follow.
func (a *app) rootCommand() *cobra.Command {
	a.failure = 1
	root := &cobra.Command{
		Use:   "minibridge [OPTIONS] COMMAND",
		Short: "Bridges, veth pairs, namespaces and NAT: what Docker does underneath docker run -p 8000:8000",
		Example: `  minibridge run -d --name web -p 8000:8000 python3 -m http.server 8000
  minibridge --dry-run run -p 8000:8000 python3 -m http.server 8000
  minibridge script`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Version:           version,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			c.SetOut(os.Stderr) // as Docker: help that nobody asked for
			return c.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetVersionTemplate("{{.Name}} version {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	a.globalFlags(root)
	root.AddCommand(
		a.runCommand(), a.execCommand(), a.psCommand(), a.logsCommand(), a.stopCommand(), a.killCommand(),
		a.rmCommand(), a.waitCommand(), a.portCommand(), a.inspectCommand(), a.networkCommand(),
		a.scriptCommand(), a.checkCommand(), a.resetCommand(), a.versionCommand(),
	)
	return root
}

// globalFlags may stand before or after the verb; each has its environment
// variable.
func (a *app) globalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&a.rootDir, "root", env("MINIBRIDGE_ROOT", engine.DefaultRoot), "definitions and logs ($MINIBRIDGE_ROOT)")
	flags.StringVar(&a.runDir, "run-dir", env("MINIBRIDGE_RUN_DIR", engine.DefaultRunDir), "what is up now ($MINIBRIDGE_RUN_DIR)")
	flags.StringVar(&a.firewall, "firewall", env("MINIBRIDGE_FIREWALL", engine.DefaultFirewall), "iptables ($MINIBRIDGE_FIREWALL)")
	flags.BoolVarP(&a.explain, "explain", "x", envBool("MINIBRIDGE_EXPLAIN"), "print each command to stderr as it is done, as sh -x ($MINIBRIDGE_EXPLAIN)")
	flags.BoolVar(&a.dryRun, "dry-run", envBool("MINIBRIDGE_DRY_RUN"), "print the commands as a script and change nothing ($MINIBRIDGE_DRY_RUN)")
}

func env(name, otherwise string) string { return cmp.Or(os.Getenv(name), otherwise) }

func envBool(name string) bool {
	on, _ := strconv.ParseBool(os.Getenv(name))
	return on
}

// engine opens the engine with the global flags.
func (a *app) engine() (*engine.Engine, error) {
	c := engine.Config{Root: a.rootDir, RunDir: a.runDir, Firewall: a.firewall, Notice: os.Stderr}
	if a.explain {
		c.Explain = os.Stderr
	}
	return engine.New(c)
}

// streams are the person's.
func streams() engine.Streams {
	return engine.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
}

// each does one thing for each argument, prints those that went well, and
// reports the others after them.
func (a *app) each(args []string, do func(string) error) error {
	return a.all(args, func(arg string) error {
		err := do(arg)
		if err == nil {
			fmt.Println(arg)
		}
		return err
	})
}

// all does one thing for each argument, whatever became of the others. All
// errors but the last are reported here.
func (a *app) all(args []string, do func(string) error) (err error) {
	var failed []error
	for _, arg := range args {
		if err := do(arg); err != nil {
			failed = append(failed, err)
		}
	}
	for i, err := range failed {
		if i == len(failed)-1 {
			return err
		}
		a.report(err)
	}
	return nil
}

// checkRef refuses an argument that can name nothing.
func checkRef(ref string) error {
	if ref == "" {
		return &engine.Error{Text: "invalid container name or ID: value is empty"}
	}
	return nil
}

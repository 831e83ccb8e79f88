package main

import (
	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) execCommand() *cobra.Command {
	var x engine.ExecSpec
	var vars, files []string
	stand := standFlags{proxy: true}
	c := &cobra.Command{
		Use:     "exec [OPTIONS] CONTAINER COMMAND [ARG...]",
		Short:   "Execute a command in a running container",
		Example: "  minibridge exec web ip route\n  minibridge exec -it web bash\n  minibridge exec -e LANG=C -w / web ls",
		Args:    atLeast(2),
		RunE: func(c *cobra.Command, args []string) error {
			env, err := readEnv(files, vars)
			if err != nil {
				return err
			}
			x.Args, x.Env = args[1:], env
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryExec(args[0], x, a.out)
			}
			a.code, err = e.Exec(c.Context(), args[0], x, stand.of(a.streams()))
			return err
		},
	}
	flags := c.Flags()
	flags.SetInterspersed(false)
	flags.BoolVarP(&x.Detach, "detach", "d", false, "run in the background")
	flags.BoolVarP(&x.OpenStdin, "interactive", "i", false, "keep standard input open")
	flags.BoolVarP(&x.Tty, "tty", "t", false, "give it a terminal; -it for a shell to type into")
	stand.bindKeys(flags)
	flags.BoolP("help", "h", false, "print this")
	group(flags, "Options")
	flags.VarP(&listValue{list: &vars, check: checkEnv}, "env", "e", "set a variable: NAME=VALUE, or NAME to copy yours")
	flags.Var(&listValue{list: &files}, "env-file", "read variables from a file of NAME=VALUE lines")
	flags.StringVarP(&x.Dir, "workdir", "w", "", "working directory in the container")
	flags.BoolVar(&x.Privileged, "privileged", false, "give the command all capabilities")
	flags.StringVarP(&x.User, "user", "u", "", "`user` to run as, and group: NAME|UID[:GROUP|GID]")
	group(flags, "Process")
	return c
}

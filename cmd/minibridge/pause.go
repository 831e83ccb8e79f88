package main

import "github.com/spf13/cobra"

func (a *app) pauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pause CONTAINER [CONTAINER...]",
		Short: "Stop all processes of containers where they are",
		Long: `Stop all processes of containers where they are, until unpause. Their networks
stay: connections wait. It takes a cgroup file system with the freezer: any of
version 2 has it. stop, kill, restart and rm -f let a container go on.`,
		Example: "  minibridge pause web && minibridge unpause web",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.engine()
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryPause(args, a.out)
			}
			return a.each(args, func(ref string) error { return e.Pause(c.Context(), ref) })
		},
	}
}

func (a *app) unpauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "unpause CONTAINER [CONTAINER...]",
		Short:   "Let paused containers go on",
		Example: "  minibridge pause web && minibridge unpause web",
		Args:    atLeast(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.tidied(c)
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryUnpause(args, a.out)
			}
			return a.each(args, func(ref string) error { return e.Unpause(c.Context(), ref) })
		},
	}
}

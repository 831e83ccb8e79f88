package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) networkCreateCommand() *cobra.Command {
	var spec engine.NetworkSpec
	var options, labels []string
	c := &cobra.Command{
		Use:   "create [OPTIONS] NETWORK",
		Short: "Create a network",
		Example: "  minibridge network create lab\n" +
			"  minibridge network create --subnet 10.10.0.0/24 --internal db",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			spec.Name, spec.Options, spec.Labels = args[0], pairs(options), pairs(labels)
			e, err := a.engine()
			if err != nil {
				return err
			}
			if a.dryRun {
				return e.DryCreateNetwork(spec, a.out)
			}
			id, err := e.CreateNetwork(c.Context(), spec)
			if err == nil {
				_, err = fmt.Fprintln(a.out, id)
			}
			return err
		},
	}
	flags := c.Flags()
	flags.StringVarP(&spec.Driver, "driver", "d", "bridge", "`kind` of network: bridge")
	flags.Var(&listValue{list: &spec.Subnets}, "subnet", "its addresses in CIDR form, chosen when not given")
	flags.Var(&listValue{list: &spec.Gateways}, "gateway", "the host's own address on it")
	flags.Var(&listValue{list: &spec.Ranges}, "ip-range", "part of the subnet that containers' addresses are chosen from")
	flags.Var(&listValue{list: &spec.Aux}, "aux-address", "address that no container gets, as NAME=ADDRESS")
	flags.BoolVar(&spec.Internal, "internal", false, "no way out and no way in")
	flags.VarP(&listValue{list: &options, check: checkOption}, "opt", "o", "driver option, as KEY=VALUE")
	flags.Var(&listValue{list: &labels, check: checkLabel}, "label", "set a label")
	return c
}

func checkOption(s string) error {
	if s == "" || s[0] == '=' {
		return fmt.Errorf("invalid option %q: empty name", s)
	}
	return nil
}

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) networkCreateCommand() *cobra.Command {
	var spec engine.NetworkSpec
	var options, labels []string
	ipv4 := true
	c := &cobra.Command{
		Use:   "create [OPTIONS] NETWORK",
		Short: "Create a network",
		Example: "  minibridge network create lab\n" +
			"  minibridge network create --subnet 10.10.0.0/24 --internal db",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			spec.Name, spec.Options, spec.Labels = args[0], pairs(options), pairs(labels)
			if c.Flags().Changed("ipv4") {
				spec.IPv4 = &ipv4
			}
			if a.dryRun {
				e, err := a.anybodysEngine()
				if err != nil {
					return err
				}
				return e.DryCreateNetwork(spec, a.out)
			}
			e, err := a.engine()
			if err != nil {
				return err
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
	flags.VarP(&listValue{list: &options, check: checkOption}, "opt", "o", "driver option, as KEY=VALUE")
	flags.BoolVar(&spec.Internal, "internal", false, "no way out and no way in")
	flags.Var(&listValue{list: &labels, check: checkLabel}, "label", "set a label")
	flags.Bool("help", false, "")
	group(flags, "Options")

	flags.Var(&listValue{list: &spec.Subnets}, "subnet", "its addresses in CIDR form, chosen when not given")
	flags.Var(&listValue{list: &spec.Gateways}, "gateway", "the host's own address on it")
	flags.Var(&listValue{list: &spec.Ranges}, "ip-range", "part of the subnet that containers' addresses are chosen from")
	flags.Var(&listValue{list: &spec.Aux}, "aux-address", "address that no container gets, as NAME=ADDRESS")
	flags.BoolVar(&ipv4, "ipv4", true, "give it IPv4 addresses")
	flags.BoolVar(&spec.IPv6, "ipv6", false, "give it IPv6 addresses")
	group(flags, "Addresses")

	flags.BoolVar(&spec.Attachable, "attachable", false, "")
	swarmFlags(flags)
	for _, name := range []string{"attachable", "ingress", "scope", "config-only", "config-from", "ipam-driver", "ipam-opt"} {
		flags.MarkHidden(name) // taken for Docker's sake, without effect or refused
	}
	return c
}

// swarmFlags are Docker's flags for networks of a swarm, and of other drivers:
// what they say by default is fine, anything else is refused.
func swarmFlags(flags *pflag.FlagSet) {
	flags.Var(&only{"local", "there is no swarm here"}, "scope", "")
	flags.Var(&only{"", "there are no configuration networks here"}, "config-from", "")
	flags.Var(&only{"default", "there are no plugins here"}, "ipam-driver", "")
	flags.Var(&only{"", "the default IPAM driver has no options"}, "ipam-opt", "")
	flags.Var(&only{"false", "there is no swarm here"}, "ingress", "")
	flags.Var(&only{"false", "there are no configuration networks here"}, "config-only", "")
	flags.Lookup("ingress").NoOptDefVal = "true"
	flags.Lookup("config-only").NoOptDefVal = "true"
}

// An only is a flag that has one value.
type only struct{ value, because string }

func (o *only) String() string { return "" }

// Type is what help calls it.
func (o *only) Type() string { return "string" }

// Set refuses all values but the one.
func (o *only) Set(s string) error {
	if s != o.value {
		return errors.New(o.because)
	}
	return nil
}

func checkOption(s string) error {
	if s == "" || s[0] == '=' {
		return fmt.Errorf("invalid option %q: empty name", s)
	}
	return nil
}

package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/bench"
	"github.com/minibridge/minibridge/internal/engine"
)

func (a *app) benchCommand() *cobra.Command {
	o := bench.Options{}
	var format string
	c := &cobra.Command{
		Use:   "bench [OPTIONS]",
		Short: "Compare host, bridge and published port on this machine",
		Long: `Measure what a bridge and a published port cost on this machine. A server runs
twice in a private machine: on the host, and in a container with a published
port. Clients on the host and outside, one cable away, take the ways to it in
turns, on its CPU but for throughput. What is shown are medians.
By hand, with a container that has -p 5202:5201 and serves:
  throughput   iperf3 -c 127.0.0.1; iperf3 -c 172.17.0.2; iperf3 -c … -p 5202
  round trip   one byte and back: sockperf ping-pong --tcp -i 127.0.0.1 -m 14
  connections  one after the other: wrk -t1 -c1 -H 'Connection: close' URL
  datagrams    64 bytes, 16 under way: sockperf throughput, dnsperf -q 16`,
		Example: "  minibridge --firewall nftables bench --rounds 3 --time 50ms\n" +
			"  minibridge bench --time 10ms --format '{{.Measure}} {{.Way}} {{.Ratio}}'",
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := needsRoot(); err != nil {
				return err
			}
			if a.dryRun {
				return &engine.Error{Text: "bench changes nothing here and has no dry run: it works in a private machine", Hint: "minibridge --dry-run run -p 5202:5201 true"}
			}
			o.Firewall = a.firewall
			return a.bench(c, o, format)
		},
	}
	flags := c.Flags()
	flags.BoolVarP(&o.IPv6, "ipv6", "6", false, "by IPv6, where the way from ::1 to a published port is the proxy's")
	flags.IntVar(&o.Rounds, "rounds", 5, "how often all ways are taken, beside once to warm up")
	flags.DurationVar(&o.Time, "time", 100*time.Millisecond, "how long each measurement takes")
	formatFlag(c, &format)
	return c
}

func (a *app) bench(c *cobra.Command, o bench.Options, format string) error {
	if o.Rounds < 1 || o.Time < time.Millisecond {
		return &engine.Error{Text: fmt.Sprintf("--rounds %d of --time %v are too little to measure", o.Rounds, o.Time)}
	}
	f, err := newFormatter(format)
	if err != nil {
		return err
	}
	a.interrupts.hold(true)
	rows, err := bench.Run(c.Context(), o, a.progress.told)
	a.progress.say("")
	if err != nil {
		return err
	}
	a.interrupts.hold(false)
	if format != "" {
		all := make([]any, len(rows))
		for i, r := range rows {
			all[i] = r
		}
		return f.print(a.out, all)
	}
	by := ""
	if o.IPv6 {
		by = " by IPv6"
	}
	fmt.Fprintf(a.out, "%d %s of %v%s in turns, medians; ratio: to the first way of the same client\n", o.Rounds, plural("round", o.Rounds), o.Time, by)
	return chart(a.out, terminalOf(os.Stdout), rows)
}

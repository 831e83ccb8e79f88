package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// firewalls are the kinds of rules.
var firewalls = []struct {
	name    string
	backend nat.Backend
}{{"iptables", nat.Iptables()}, {"nftables", nat.Nftables()}}

// ports times ports that come one by one, and go one by one, beside more and
// more that are there; then a thousand that come and go at once.
func ports(repetitions int) error {
	for _, fw := range firewalls {
		host := &plan.Executor{Journal: &plan.Memory{}}
		if err := host.Up(context.Background(), fw.backend.Host()); err != nil {
			return err
		}
		for _, number := range []int{0, 100, 999, 5000} {
			there := &plan.Executor{Journal: &plan.Memory{}}
			if err := there.Up(context.Background(), publish(fw.backend, "there", 10000, number)); err != nil {
				return err
			}
			var one []plan.Plan
			for i := range repetitions {
				one = append(one, publish(fw.backend, "one", 9000+i, 1))
			}
			if err := comeAndGo(fmt.Sprintf("%s/ports=%d", fw.name, number), one...); err != nil {
				return err
			}
			if err := there.Down(0); err != nil {
				return err
			}
		}
		if err := comeAndGo(fw.name+"/thousand", publish(fw.backend, "thousand", 20000, 1000)); err != nil {
			return err
		}
		if err := host.Down(0); err != nil {
			return err
		}
	}
	return nil
}

// publish is so many ports, each by itself, that lead to one of a container.
func publish(backend nat.Backend, id string, first, count int) plan.Plan {
	pub := nat.Publish{ID: id, Target: netip.MustParseAddr("172.17.0.2")}
	for i := range count {
		pub.Mappings = append(pub.Mappings, nat.Mapping{HostPort: uint16(first + i), Port: 80, Count: 1, Proto: "tcp"})
	}
	return backend.Publish(pub)
}

// comeAndGo times plans that go up one after the other, and down again.
func comeAndGo(name string, plans ...plan.Plan) error {
	var all []*plan.Executor
	var up, down []time.Duration
	timed := func(verb string, do func() error) (time.Duration, error) {
		start := time.Now()
		err := do()
		took := time.Since(start)
		fmt.Printf("BenchmarkPorts/%s/%s \t1\t%d ns/op\n", name, verb, took.Nanoseconds())
		return took, err
	}
	for _, p := range plans {
		e := &plan.Executor{Journal: &plan.Memory{}}
		took, err := timed("up", func() error { return e.Up(context.Background(), p) })
		if err != nil {
			return err
		}
		all, up = append(all, e), append(up, took)
	}
	for _, e := range all {
		took, err := timed("down", func() error { return e.Down(0) })
		if err != nil {
			return err
		}
		down = append(down, took)
	}
	fmt.Printf("# %s, medians: up %v, down %v\n", name, median(up).Round(10*time.Microsecond), median(down).Round(10*time.Microsecond))
	return nil
}

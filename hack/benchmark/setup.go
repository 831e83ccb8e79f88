package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// setup is the network of one container with one port, as the plan that run
// makes of it, up and down again. No process, no record.
var setup = group{
	name: "Setup",
	subjects: []subject{
		{"floor-iptables", setupFloor(func() (floorRule, error) { return floorIptables{}, nil })},
		{"iptables", setupPlan(nat.Iptables)},
		{"floor-nftables", setupFloor(func() (floorRule, error) { return newFloorNftables() })},
		{"nftables", setupPlan(func() nat.Backend { return nat.Nftables() })},
	},
	goals: []goal{
		{"iptables", "up", "floor-iptables", 2},
		{"nftables", "up", "floor-nftables", 2},
	},
}

func setupFloor(newRule func() (floorRule, error)) func(string) (func() (times, error), error) {
	return func(string) (func() (times, error), error) {
		f, err := newFloor()
		if err != nil {
			return nil, err
		}
		rule, err := newRule()
		if err != nil {
			return nil, err
		}
		return func() (times, error) {
			return upAndDown(func() error {
				if err := f.plug(); err != nil {
					return err
				}
				return rule.add(8000)
			}, func() error { return errors.Join(rule.del(8000), f.unplug()) })
		}, nil
	}
}

func setupPlan(newBackend func() nat.Backend) func(string) (func() (times, error), error) {
	return func(string) (func() (times, error), error) {
		backend := newBackend()
		p := bridge.Network{Bridge: network.Bridge, MAC: net.HardwareAddr{2, 0x42, 0, 0, 0, 1}, Gateway: gateway}.Plan()
		p = append(p, backend.Host()...)
		p = append(p, backend.Network(network)...)
		if err := (&plan.Executor{Journal: &plan.Memory{}}).Up(context.Background(), p); err != nil {
			return nil, err
		}
		made := 0
		return func() (times, error) {
			made++
			return upAndDownPlan(containerPlan(backend, fmt.Sprintf("mbv%08x", made)))
		}, nil
	}
}

var (
	network = nat.Network{ID: "bench", Bridge: "mb-bench", Subnet: netip.MustParsePrefix("172.17.0.0/16")}
	gateway = netip.MustParsePrefix("172.17.0.1/16")
	address = netip.MustParsePrefix("172.17.0.2/16")
)

func containerPlan(backend nat.Backend, veth string) (p plan.Plan) {
	const ns plan.NS = "bench"
	p.Do(&sandbox.NetnsAdd{Name: string(ns), Pin: "/run/bench"}, "")
	p = append(p, bridge.Loopback(ns)...)
	p = append(p, bridge.Endpoint{NS: ns, Bridge: network.Bridge, Veth: veth, Dev: "eth0", MAC: net.HardwareAddr{2, 0x42, 172, 17, 0, 2}, Address: address}.Plan()...)
	p = append(p, bridge.Way{NS: ns, IPv4: bridge.Hop{Gateway: gateway.Addr(), Dev: "eth0"}}.Plan()...)
	return append(p, publish(backend, "bench", 8000, 1)...)
}

// upAndDownPlan makes a plan true and takes it back.
func upAndDownPlan(p plan.Plan) (times, error) {
	e := &plan.Executor{Journal: &plan.Memory{}}
	return upAndDown(func() error { return e.Up(context.Background(), p) }, func() error { return e.Down(0) })
}

// upAndDown begins when the kernel has cleaned up after the turn before, which
// it does later: it holds the lock meanwhile that every change to links needs.
func upAndDown(up, down func() error) (times, error) {
	if err := settle(); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := up(); err != nil {
		return nil, err
	}
	upped := time.Now()
	if err := down(); err != nil {
		return nil, err
	}
	return times{"up": upped.Sub(start), "down": time.Since(upped)}, nil
}

// settle waits until no end of a cable is left.
func settle() error {
	for {
		links, err := net.Interfaces()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(links, func(l net.Interface) bool { return strings.HasPrefix(l.Name, "mbv") || strings.HasPrefix(l.Name, "v") }) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}

package main

import (
	"context"
	"fmt"

	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// firewalls are the kinds of rules, with their floors.
var firewalls = []struct {
	name    string
	backend func() nat.Backend
	floor   func() (floorRule, error)
}{
	{"iptables", nat.Iptables, func() (floorRule, error) { return floorIptables{}, nil }},
	{"nftables", func() nat.Backend { return nat.Nftables() }, func() (floorRule, error) { return newFloorNftables() }},
}

// ports are one that comes and goes beside others that are there.
var ports = group{
	name:     "Ports",
	subjects: portSubjects(),
	goals: []goal{
		{"nftables-999", "up", "nftables-0", 1.2},
		{"iptables-999", "up", "iptables-0", 2},
	},
}

func portSubjects() (all []subject) {
	for _, fw := range firewalls {
		for _, others := range []int{0, 100, 999, 5000} {
			all = append(all,
				subject{fmt.Sprintf("floor-%s-%d", fw.name, others), floorPort(fw.floor, others)},
				subject{fmt.Sprintf("%s-%d", fw.name, others), port(fw.backend, others)})
		}
	}
	return all
}

const firstOther = 10000

func floorPort(newRule func() (floorRule, error), others int) func(string) (func() (times, error), error) {
	return func(string) (func() (times, error), error) {
		rule, err := newRule()
		if err != nil {
			return nil, err
		}
		var there []int
		for i := range others {
			there = append(there, firstOther+i)
		}
		if err := rule.add(there...); err != nil {
			return nil, err
		}
		return func() (times, error) {
			return upAndDown(func() error { return rule.add(8000) }, func() error { return rule.del(8000) })
		}, nil
	}
}

func port(newBackend func() nat.Backend, others int) func(string) (func() (times, error), error) {
	return func(string) (func() (times, error), error) {
		backend := newBackend()
		p := append(backend.Host(), publish(backend, "others", firstOther, others)...)
		if err := (&plan.Executor{Journal: &plan.Memory{}}).Up(context.Background(), p); err != nil {
			return nil, err
		}
		return func() (times, error) { return upAndDownPlan(publish(backend, "one", 8000, 1)) }, nil
	}
}

// publish is so many ports, each by itself, that lead to one of a container.
func publish(backend nat.Backend, id string, first, count int) plan.Plan {
	pub := nat.Publish{ID: id, Bridge: network.Bridge, Target: address.Addr()}
	for i := range count {
		pub.Mappings = append(pub.Mappings, nat.Mapping{HostPort: uint16(first + i), Port: 80, Count: 1, Proto: "tcp"})
	}
	return backend.Publish(pub)
}

// thousand are as many ports that come and go at once: a run that leads to equal
// ports, one that is shifted, and each by itself.
var thousand = group{name: "Thousand", subjects: thousandSubjects()}

func thousandSubjects() (all []subject) {
	for _, fw := range firewalls {
		for _, kind := range []struct {
			name string
			plan func(nat.Backend) plan.Plan
		}{
			{"equal", func(b nat.Backend) plan.Plan { return run(b, firstOther, firstOther) }},
			{"shifted", func(b nat.Backend) plan.Plan { return run(b, firstOther, firstOther+1) }},
			{"single", func(b nat.Backend) plan.Plan { return publish(b, "single", firstOther, 1000) }},
		} {
			all = append(all, subject{fw.name + "-" + kind.name, func(string) (func() (times, error), error) {
				backend := fw.backend()
				err := (&plan.Executor{Journal: &plan.Memory{}}).Up(context.Background(), backend.Host())
				return func() (times, error) { return upAndDownPlan(kind.plan(backend)) }, err
			}})
		}
	}
	return all
}

func run(backend nat.Backend, host, container uint16) plan.Plan {
	return backend.Publish(nat.Publish{ID: "run", Bridge: network.Bridge, Target: address.Addr(),
		Mappings: []nat.Mapping{{HostPort: host, Port: container, Count: 1000, Proto: "tcp"}}})
}

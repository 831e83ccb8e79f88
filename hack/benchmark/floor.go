package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// The floor's network stands beside minibridge's own.
const (
	floorBridge = "mb-floor"
	floorNetns  = "floor"
)

var (
	floorSubnet  = netip.MustParsePrefix("172.31.0.0/16")
	floorGateway = netip.MustParsePrefix("172.31.0.1/16")
	floorAddress = netip.MustParsePrefix("172.31.0.2/16")
)

// floor is one container's plan, and nothing around it.
type floor struct {
	kind     string
	firewall nat.Backend
}

// newFloor brings up what one case shares between its repetitions.
func newFloor(kind string) (*floor, error) {
	f := &floor{kind: kind, firewall: nat.Iptables()}
	if kind == "none" {
		return f, nil
	}
	p := bridge.Network{Bridge: floorBridge, MAC: net.HardwareAddr{2, 0x42, 0, 0, 0, 1}, Gateway: floorGateway}.Plan()
	p = append(p, f.firewall.Host()...)
	p = append(p, f.firewall.Network(nat.Network{ID: "floor", Bridge: floorBridge, Subnet: floorSubnet})...)
	return f, (&plan.Executor{Journal: &plan.Memory{}}).Up(context.Background(), p)
}

// once makes the kernel objects, runs true in namespaces, and takes all down.
func (f *floor) once() error {
	ex := &plan.Executor{Journal: &plan.Memory{}}
	if err := ex.Up(context.Background(), f.plan()); err != nil {
		return err
	}
	err := plan.NS(floorNetns).Do(func() error {
		cmd := exec.Command("true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC}
		return cmd.Run()
	})
	if err != nil {
		return err
	}
	return ex.Down(0)
}

func (f *floor) plan() (p plan.Plan) {
	p.Do(&sandbox.NetnsAdd{Name: floorNetns, Pin: os.TempDir() + "/floor-netns"}, "")
	p = append(p, bridge.Loopback(floorNetns)...)
	if f.kind == "none" {
		return p
	}
	b := make([]byte, 4)
	rand.Read(b)
	p = append(p, bridge.Endpoint{
		NS: floorNetns, Bridge: floorBridge, Veth: "mbv" + hex.EncodeToString(b), Dev: "eth0",
		MAC: net.HardwareAddr{2, 0x42, 172, 31, 0, 2}, Address: floorAddress,
	}.Plan()...)
	p = append(p, bridge.Way{NS: floorNetns, IPv4: bridge.Hop{Gateway: floorGateway.Addr(), Dev: "eth0"}}.Plan()...)
	if f.kind == "port" {
		p = append(p, f.firewall.Publish(nat.Publish{
			ID: "floor", Bridge: floorBridge, Target: floorAddress.Addr(),
			Mappings: []nat.Mapping{{HostPort: 9000, Port: 80, Count: 1, Proto: "tcp"}},
		})...)
	}
	return p
}

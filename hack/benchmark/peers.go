package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// peers are other programs that give a container a network and publish a port,
// each on a bridge of its own kind: those that are installed, as they need no
// daemon. They find a network namespace that is there and start nothing in it;
// minibridge makes one, starts a program in it and ends that.
var peers = group{name: "Peers", subjects: append([]subject{
	{"minibridge", runAndRemove()},
	{"minibridge-nftables", runAndRemove("--firewall", "nftables")},
}, installed()...)}

func runAndRemove(flags ...string) func(string) (func() (times, error), error) {
	return func(program string) (func() (times, error), error) {
		c := command{program}
		run := append(flags, "run", "-d", "--name", "web", "-p", "8000:80", "sleep", "infinity")
		return func() (times, error) {
			return upAndDown(func() error {
				_, err := c.time(run...)
				return err
			}, func() error {
				_, err := c.time("rm", "-f", "web")
				return err
			})
		}, nil
	}
}

func installed() (found []subject) {
	for _, peer := range []struct {
		name string
		dirs []string // of Debian, and of others
		open func(dir string) (up, down func() error)
	}{
		{"netavark", []string{"/usr/lib/podman", "/usr/libexec/podman"}, netavark},
		{"portmap", []string{"/usr/lib/cni", "/opt/cni/bin"}, portmap},
	} {
		for _, dir := range peer.dirs {
			if _, err := os.Stat(dir + "/" + peer.name); err == nil {
				found = append(found, subject{peer.name, peerIn(dir, peer.open)})
				break
			}
		}
	}
	return found
}

// peerNetns is the network namespace that peers find.
const peerNetns = "/run/netns/peer"

func peerIn(dir string, open func(string) (up, down func() error)) func(string) (func() (times, error), error) {
	return func(string) (func() (times, error), error) {
		up, down := open(dir)
		return func() (times, error) { return upAndDown(up, down) }, exec.Command("ip", "netns", "add", "peer").Run()
	}
}

// peerID is a container's.
var peerID = strings.Repeat("0123456789abcdef", 4)

// netavark is podman's.
func netavark(dir string) (up, down func() error) {
	conf := fmt.Sprintf(`{"container_id": %q, "container_name": "peer",
"networks": {"podman": {"static_ips": ["10.88.0.5"], "interface_name": "eth0"}},
"network_info": {"podman": {"name": "podman", "id": %[1]q, "driver": "bridge", "network_interface": "podman0",
  "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}],
  "ipv6_enabled": false, "internal": false, "dns_enabled": false, "ipam_options": {"driver": "host-local"}}},
"port_mappings": [{"container_port": 80, "host_ip": "", "host_port": 8000, "protocol": "tcp", "range": 1}]}`, peerID)
	call := func(verb string) func() error {
		return func() error { return feed(conf, dir+"/netavark", "--config", "/run/netavark", verb, peerNetns) }
	}
	return call("setup"), call("teardown")
}

// portmap is CNI's, behind its bridge.
func portmap(dir string) (up, down func() error) {
	const bridge = `{"cniVersion": "0.4.0", "name": "peer", "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
"ipam": {"type": "host-local", "subnet": "10.89.0.0/16", "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/cni"}}`
	call := func(verb, plugin, conf string) ([]byte, error) {
		cmd := exec.Command(dir + "/" + plugin)
		cmd.Env = append(os.Environ(), "CNI_COMMAND="+verb, "CNI_CONTAINERID="+peerID, "CNI_NETNS="+peerNetns, "CNI_IFNAME=eth0", "CNI_PATH="+dir)
		cmd.Stdin = strings.NewReader(conf)
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w: %s", plugin, verb, err, out)
		}
		return out, nil
	}
	var ports string // with what the bridge has answered
	up = func() error {
		answer, err := call("ADD", "bridge", bridge)
		if err != nil {
			return err
		}
		if !json.Valid(answer) {
			return fmt.Errorf("bridge said %.200s", answer)
		}
		ports = fmt.Sprintf(`{"cniVersion": "0.4.0", "name": "peer", "type": "portmap", "capabilities": {"portMappings": true},
"runtimeConfig": {"portMappings": [{"hostPort": 8000, "containerPort": 80, "protocol": "tcp"}]}, "prevResult": %s}`, answer)
		_, err = call("ADD", "portmap", ports)
		return err
	}
	down = func() error {
		if _, err := call("DEL", "portmap", ports); err != nil {
			return err
		}
		_, err := call("DEL", "bridge", bridge)
		return err
	}
	return up, down
}

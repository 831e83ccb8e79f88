// Package state keeps minibridge's records, its lock and its journals: a few
// files that a person can read.
//
//	ROOT/containers/ID/container.json   what was asked for, and how it ended; survives a reboot
//	ROOT/containers/ID/log              what it wrote (one line a line, with time and stream)
//	ROOT/containers/ID/log.1 …          the files before, where it has a limit
//	ROOT/names/NAME -> ../containers/ID
//	ROOT/addresses/NETWORK/ADDRESS -> ../../containers/ID
//	ROOT/networks/ID.json
//	RUN/lock                            flock(2): orders all writers
//	RUN/tools                           flock(2): who had it ran a program that may still run
//	RUN/world                           the boot and the network namespace that all of RUN speaks of
//	RUN/journal/OWNER.jsonl             undo steps of host, net-ID, ctr-ID, ctr-ID.PART
//	RUN/containers/ID                   a running container; flock(2): who brings a process into it, and who keeps others out
//	RUN/containers/ID/run.json          a running container: its supervisor, addresses, ports
//	RUN/containers/ID/init.json         the process that is its command
//	RUN/containers/ID/moving            it is being moved between networks
//	RUN/leases/NETWORK/ADDRESS          the container that has the address
//	RUN/members/NETWORK.json            who is on a network, by which names
//	RUN/netns/ID                        a container's network namespace, before and beside its public name
//	RUN/layers/ID                       what a container has changed of its files
//	RUN/ports.json                      the host ports that were given last
//	RUN/firewall.json                   the kind of firewall that the rules of what is up are written with
//	RUN/events/NUMBER.jsonl             what has happened to containers and networks
//	RUN/rules                           what the firewall knows of the kernel's rules
//
// Both folders are root's alone. Records are written whole and atomically;
// readers need no lock.
package state

import (
	"os"
	"path/filepath"
)

// Dirs are the two folders that everything is kept in.
type Dirs struct {
	Root string // definitions and logs
	Run  string // what is up now; a reboot may clear it
}

// Make creates the folders, for root alone.
func (d Dirs) Make() error {
	for _, dir := range []string{
		filepath.Join(d.Root, "containers"), filepath.Join(d.Root, "names"), filepath.Join(d.Root, "networks"),
		filepath.Join(d.Run, "journal"), filepath.Join(d.Run, "containers"), filepath.Join(d.Run, "leases"),
	} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// Files is all that is ever kept in the two folders, the lock last.
func (d Dirs) Files() []string {
	var files []string
	for _, name := range []string{"containers", "names", "addresses", "networks"} {
		files = append(files, filepath.Join(d.Root, name))
	}
	for _, name := range []string{"journal", "containers", "leases", "members", "netns", "layers", "ports.json", "firewall.json", "rules", "events", "world", "holder", "tools", "lock"} {
		files = append(files, filepath.Join(d.Run, name))
	}
	return files
}

// Container is the folder of a container's definition and log.
func (d Dirs) Container(id string) string { return filepath.Join(d.Root, "containers", id) }

// Log is the file that holds what a container wrote.
func (d Dirs) Log(id string) string { return filepath.Join(d.Container(id), "log") }

// Running is the folder of a running container.
func (d Dirs) Running(id string) string { return filepath.Join(d.Run, "containers", id) }

// Socket is where the supervisor of a running container listens.
func (d Dirs) Socket(id string) string { return filepath.Join(d.Running(id), "socket") }

// NetnsPin is the private file that a container's network namespace is bound
// to before it gets its public name.
func (d Dirs) NetnsPin(id string) string { return filepath.Join(d.Run, "netns", id) }

// Rules is where the firewall leaves what it knows of the kernel's rules.
func (d Dirs) Rules() string { return filepath.Join(d.Run, "rules") }

// Layers is the tmpfs of all containers' changes to their root file systems.
func (d Dirs) Layers() string { return filepath.Join(d.Run, "layers") }

// Layer is one container's part of it.
func (d Dirs) Layer(id string) string { return filepath.Join(d.Layers(), id) }

func (d Dirs) containerFile(id string) string {
	return filepath.Join(d.Container(id), "container.json")
}
func (d Dirs) runFile(id string) string     { return filepath.Join(d.Running(id), "run.json") }
func (d Dirs) movingFile(id string) string  { return filepath.Join(d.Running(id), "moving") }
func (d Dirs) initFile(id string) string    { return filepath.Join(d.Running(id), "init.json") }
func (d Dirs) networkFile(id string) string { return filepath.Join(d.Root, "networks", id+".json") }
func (d Dirs) nameLink(name string) string  { return filepath.Join(d.Root, "names", name) }
func (d Dirs) leases(network string) string { return filepath.Join(d.Run, "leases", network) }
func (d Dirs) journalFile(owner string) string {
	return filepath.Join(d.Run, "journal", owner+".jsonl")
}

// Package sandbox runs a process in namespaces of its own: mount, PID, UTS,
// IPC, cgroup and, if the caller made one, network. It is the part of a
// container that is not the network.
//
// Go can't enter most namespaces from a running program, as it always has
// several threads. So the program starts itself again: [Start] executes
// the same binary as PID 1 of the new namespaces, and there [Init], the first
// call of main, builds the root file system, drops what the command may not
// have, and executes the command in its own place. A program that uses the
// package therefore begins:
//
//	func main() {
//		sandbox.Init()
//		…
//	}
//
// The command waits until [Process.Go]: in the meantime the caller can set up
// the network, at the same time as the root file system is built.
//
// By default the root file system is the host's own, copy-on-write: an overlay
// over / and one over each other file system that is mounted there, with fresh
// /proc, /sys, /dev and /run. What the command writes lands in [Root].Layers.
//
// [Exec] runs one more command in a sandbox that is running.
//
// Everything here needs root and Linux 5.12 (mount_setattr(2)) with seccomp
// filters ([TryFilter]).
package sandbox

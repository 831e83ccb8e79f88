// Package paths is a test and nothing else. It builds one world with the
// command: networks of each kind, containers that publish ports, an outside.
// Then it sends packets down every path that there is in it (table, in paths_test.go), with
// each firewall, in both families and protocols, whatever the administrator has
// set, and looks who is reached, and as whom the sender is seen there.
package paths

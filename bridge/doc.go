// Package bridge makes Linux bridges, veth pairs, addresses and routes, over
// rtnetlink(7), as steps of a [plan.Plan].
//
// The ops are the vocabulary: [BridgeAdd], [VethAdd], [AddrAdd], [LinkUp] and
// so on, one netlink message each. [Network] and [Endpoint] are the sentences:
// what a person would type, in order, to build a container network's bridge,
// and to plug a network namespace into it.
//
// Undo steps know what they may touch by marks that the creating message sets:
// a bridge by its name and its MAC address, a veth by its name. An alias needs
// a second message, so it informs and never proves.
package bridge

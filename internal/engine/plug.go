package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// plug puts an endpoint that the run's record names into the kernel.
func (s *session) plug(ctx context.Context, run *state.Run, at state.Attachment, networks []*state.Network) error {
	for _, addr := range at.Addresses() {
		if err := s.held.Lease(at.NetworkID, addr, run.ID); err != nil {
			return fmt.Errorf("lease %s: %w", addr, err)
		}
	}
	if err := s.up(ctx, endpointOwner(run.ID, at.EndpointID), s.endpointPlan(run, at, networks)); err != nil {
		return err
	}
	return announce(networkByID(networks, at.NetworkID), at, at.MAC)
}

// announce tells the neighbours which MAC an endpoint's addresses have, where
// that isn't the one that goes with the address: who had it before had another,
// and they remember it. With both families the MAC goes with the IPv4 address.
func announce(n *state.Network, at state.Attachment, mac state.MAC) error {
	var news []netip.Addr
	for _, addr := range at.Addresses() {
		if own(at) || addr.Is6() && at.Address.IsValid() {
			news = append(news, addr)
		}
	}
	if len(news) == 0 || n.Bridge == "" {
		return nil
	}
	return bridge.Announce(n.Bridge, net.HardwareAddr(mac), news...)
}

// own says that an endpoint's MAC was chosen by a person.
func own(at state.Attachment) bool {
	derived, err := macOf(state.Wish{}, at)
	return err == nil && at.MAC.String() != derived.String()
}

// unplug takes endpoints out of the kernel and frees their addresses, and ends
// the flows of ports that are published no more. Flows of an address go before
// anybody else can have it: what is still sent to the last that had it would
// reach the next. So would the packets of an endpoint that could not be taken
// out: its addresses stay leased until it was.
func (s *session) unplug(run *state.Run, ats []state.Attachment, ended []nat.Mapping) error {
	var errs []error
	var gone []state.Attachment
	var sent []netip.Addr
	for _, at := range ats {
		errs = append(errs, s.held.Quit(at.NetworkID, run.ID))
		quiet := silent(at, ended)
		if stays := s.down(endpointOwner(run.ID, at.EndpointID)); stays != nil {
			errs = append(errs, stays)
			continue
		}
		gone = append(gone, at)
		if own(at) {
			errs = append(errs, s.disown(at))
		}
		if !quiet {
			sent = append(sent, at.Addresses()...)
		}
	}
	errs = append(errs, nat.FlushFlows(ended, sent...))
	for _, at := range gone {
		for _, addr := range at.Addresses() {
			errs = append(errs, s.held.Release(at.NetworkID, addr))
		}
	}
	return errors.Join(errs...)
}

// disown tells the neighbours of one that had a MAC of its own which one the
// next at its address will have.
func (s *session) disown(at state.Attachment) error {
	networks, err := s.dirs.Networks()
	if err != nil {
		return err
	}
	next, err := macOf(state.Wish{}, at)
	if err != nil {
		return err
	}
	err = announce(networkByID(networks, at.NetworkID), at, next)
	if errors.Is(err, unix.ENODEV) { // the bridge has gone, and all with it
		return nil
	}
	return err
}

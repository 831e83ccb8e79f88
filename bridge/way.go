package bridge

import (
	"net/netip"

	"github.com/minibridge/minibridge/plan"
)

// A Way is how a network namespace gets to everywhere that no network of its
// own is: its default routes. Those of IPv4 and of IPv6 may go by different
// links.
type Way struct {
	NS   plan.NS
	IPv4 Hop
	IPv6 Hop
}

// A Hop is the first step of a way. The zero value is none.
type Hop struct {
	Gateway netip.Addr
	Dev     string // the link that leads there, of a subnet that has the gateway in it
}

// Plan sets the default routes of a namespace that has none.
func (w Way) Plan() plan.Plan { return w.From(Way{}) }

// From sets the default routes of a namespace that so far went another way: a
// family that has none any more loses its own. The links of both ways are
// there; that of the old one may be deleted afterwards.
func (w Way) From(old Way) (p plan.Plan) {
	for _, change := range []struct{ to, from Hop }{{w.IPv4, old.IPv4}, {w.IPv6, old.IPv6}} {
		switch {
		case change.to.Gateway.IsValid():
			p.Do(&RouteSet{NS: w.NS, Gateway: change.to.Gateway, Dev: change.to.Dev},
				"everything else goes to the gateway: the bridge's address")
		case change.from.Gateway.IsValid():
			p.Do(&RouteDel{NS: w.NS, Gateway: change.from.Gateway, Dev: change.from.Dev},
				"no network is left that leads to everywhere else")
		}
	}
	return p
}

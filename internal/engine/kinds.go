package engine

import (
	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// kinds names every undo step that a journal can hold. Names are for ever:
// journals of older versions are read by newer ones.
var kinds = plan.Kinds{
	"addr-del":      &bridge.AddrDel{},
	"unmount":       &sandbox.Unmount{},
	"cgroup-del":    &sandbox.CgroupDel{},
	"cgroup-return": &sandbox.CgroupReturn{},
	"cgroup-thaw":   &sandbox.CgroupThaw{},
	"elements-del":  &nat.ElementsDel{},
	"leave":         &plan.Leave{},
	"link-alias":    &bridge.LinkAlias{},
	"link-del":      &bridge.LinkDel{},
	"link-down":     &bridge.LinkDown{},
	"link-mtu":      &bridge.LinkMTU{},
	"nft-table-del": &nat.TableDel{},
	"netns-bind":    &sandbox.NetnsBind{},
	"netns-del":     &sandbox.NetnsDel{},
	"netns-dir-del": &sandbox.NetnsDirDel{},
	"netns-unbind":  &sandbox.NetnsUnbind{},
	"route-del":     &bridge.RouteDel{},
	"route-set":     &bridge.RouteSet{},
	"rules-del":     &nat.RulesDel{},
	"sysctl-set":    &plan.SysctlSet{},
	"veth-del":      &bridge.VethDel{},
}

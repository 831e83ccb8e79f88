package hosttest

import (
	"encoding/json"
	"slices"
	"strings"
)

// object is one thing as `ip -j` or `nft -j` prints it.
type object map[string]any

// derived are the fields that a kernel counts, numbers, times or concludes from
// others. Those of a bridge are of the spanning tree: linux/if_link.h.
var derived = []string{
	"ifindex", "link_index", "link_netnsid", "num_tx_queues", "num_rx_queues", "promiscuity", "allmulti",
	"operstate", "stats", "stats64", "expires", "pref", "valid_life_time", "preferred_life_time", "tentative",
	"bridge_id", "root_id", "root_port", "root_path_cost", "designated_port", "designated_cost",
	"designated_bridge", "designated_root", "id", "no", "cost", "state",
	"topology_change", "topology_change_detected", "topology_change_ack", "config_pending",
	"hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "hold_timer", "message_age_timer",
	"forward_delay_timer", "handle", "index", "tso_max_size", "tso_max_segs",
}

// passing are flags and disciplines that follow from the carrier, a moment later.
var passing = []any{"LOWER_UP", "NO-CARRIER", "M-DOWN", "linkdown", "dead", "noop", "noqueue"}

// text is an object without what is derived, as JSON with sorted keys; MAC
// addresses that the kernel made up stand as mac(DEVICE).
func text(o object, random map[string]string) string {
	o = prune(map[string]any(o)).(map[string]any)
	dev, _ := o["ifname"].(string)
	if random[dev] != "" && o["address"] == random[dev] {
		o["address"] = "mac(" + dev + ")" // a bridge and its port may share one
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // it came from JSON
	}
	s := string(b)
	for dev, mac := range random {
		s = strings.ReplaceAll(s, mac, "mac("+dev+")")
	}
	return s
}

// prune takes out what is derived or passing, at any depth.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if slices.Contains(derived, key) || slices.Contains(passing, value) {
				delete(v, key)
				continue
			}
			v[key] = prune(value)
		}
	case []any:
		v = slices.DeleteFunc(v, func(e any) bool { return slices.Contains(passing, e) })
		for i := range v {
			v[i] = prune(v[i])
		}
		return v
	}
	return v
}

func whole(o object) []object { return []object{o} }

// addresses gives one object for each address of a link, but for those that the
// kernel makes from the MAC.
func addresses(o object) []object {
	var list []object
	infos, _ := o["addr_info"].([]any)
	for _, info := range infos {
		addr := object(info.(map[string]any))
		if local, _ := addr["local"].(string); strings.HasPrefix(local, "fe80:") {
			continue
		}
		addr["ifname"] = o["ifname"]
		list = append(list, addr)
	}
	return list
}

// routes leaves out those that the kernel makes for addresses.
func routes(o object) []object {
	if o["protocol"] == "kernel" {
		return nil
	}
	return []object{o}
}

// ports drops the name of a port's peer, which bridge(8) looks up in the wrong
// namespace.
func ports(o object) []object {
	delete(o, "link")
	return []object{o}
}

// static are the forwarding entries that somebody made.
func static(o object) []object {
	if o["state"] != "static" {
		return nil
	}
	return []object{o}
}

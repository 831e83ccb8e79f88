package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/rogpeppe/go-internal/testscript"
)

// An oldContainer is Docker's own type of what inspect prints of a container,
// and what Docker 28 prints that this later one has dropped: the flat fields of
// the default network, and an endpoint's.
type oldContainer struct {
	container.InspectResponse
	NetworkSettings *oldSettings
}

type oldSettings struct {
	container.NetworkSettings
	Bridge                 string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	SecondaryIPAddresses   []oldAddress
	SecondaryIPv6Addresses []oldAddress
	EndpointID             string
	Gateway                netip.Addr
	GlobalIPv6Address      netip.Addr
	GlobalIPv6PrefixLen    int
	IPAddress              netip.Addr
	IPPrefixLen            int
	IPv6Gateway            netip.Addr
	MacAddress             network.HardwareAddr
}

type oldAddress struct {
	Addr      string
	PrefixLen int
}

// decodes CONTAINER|NETWORK FILE reads what inspect printed by Docker's own
// types, none of whose values may be of another type, and none unknown; what
// they write again is the same, null and nothing being one.
func decodes(ts *testscript.TestScript, _ bool, args []string) {
	var typed any = &[]oldContainer{}
	if args[0] == "network" {
		typed = &[]network.Inspect{}
	}
	printed := []byte(ts.ReadFile(args[1]))
	if err := reads(printed, typed); err != nil {
		ts.Fatalf("%v", err)
	}
}

func reads(printed []byte, typed any) error {
	strict := json.NewDecoder(bytes.NewReader(printed))
	strict.DisallowUnknownFields()
	if err := strict.Decode(typed); err != nil {
		return err
	}
	again, err := json.Marshal(typed)
	if err != nil {
		return err
	}
	want, err := plainJSON(printed)
	if err != nil {
		return err
	}
	have, err := plainJSON(again)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(want, have); diff != "" {
		return fmt.Errorf("printed (-), and written again by Docker's types (+):\n%s", diff)
	}
	return nil
}

// plainJSON is a text as maps and slices, without what is null.
func plainJSON(text []byte) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err := d.Decode(&v)
	return withoutNull(v), err
}

func withoutNull(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if v[key] = withoutNull(value); value == nil {
				delete(v, key)
			}
		}
	case []any:
		for i, value := range v {
			v[i] = withoutNull(value)
		}
	}
	return v
}

// TestTypes shows that a value that is lost, unknown or of another type would
// be found.
func TestTypes(t *testing.T) {
	for text, good := range map[string]bool{
		`[{"Id": "x", "State": {"Pid": 7}}]`: false, // State has more fields, which come with their zero values
		`[{"Name": "x", "Foo": 1}]`:          false,
		`[{"Created": 1}]`:                   false,
		`[]`:                                 true,
	} {
		if err := reads([]byte(text), &[]oldContainer{}); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

package cli

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"nightjar/internal/node"
)

// TestNetworkFlags: what the flags make of a node, and which are refused.
func TestNetworkFlags(t *testing.T) {
	read := func(args ...string) (o node.Network, err error) {
		app := &cli.App{Flags: networkFlags(&o), Action: func(*cli.Context) error { return nil }}
		err = app.Run(append([]string{"nightjar"}, args...))
		return o, err
	}
	var none node.Network
	if o, err := read(); err != nil || !reflect.DeepEqual(o, none) {
		t.Errorf("%+v, %v", o, err)
	}
	o, err := read("--allow-host", "node", "--allow-host", "node.example.org", "--base-url",
		"https://node.example.org/",
		"--trusted-proxy", "10.1.2.3/8", "--trusted-proxy", "::1", "--cors-origin", "https://pages.example.org")
	want := node.Network{BaseURL: "https://node.example.org/", Hosts: []string{"node", "node.example.org"},
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"),
			netip.MustParsePrefix("::1/128")}, Origins: []string{"https://pages.example.org"}}
	if err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range []string{"--base-url node", "--base-url https://node?x=1", "--allow-host http://node",
		"--trusted-proxy node", "--trusted-proxy 10.0.0.0/99", "--cors-origin pages.example.org", "--cors-origin https://pages.example.org/x"} {
		if _, err := read(strings.Fields(args)...); err == nil ||
			!strings.Contains(err.Error(), args[:strings.Index(args, " ")]+": ") {
			t.Errorf("%s: %v", args, err)
		}
	}
}

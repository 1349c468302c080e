package cli

import (
	"flag"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"nightjar/api"
)

// TestNetworkFlags: what the flags make of a node, and which are refused.
func TestNetworkFlags(t *testing.T) {
	read := func(listen string, args ...string) (api.Options, error) {
		set := flag.NewFlagSet("serve", flag.ContinueOnError)
		for _, f := range networkFlags() {
			if err := f.Apply(set); err != nil {
				t.Fatal(err)
			}
		}
		if err := set.Parse(args); err != nil {
			t.Fatal(err)
		}
		addr, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		var o api.Options
		err = network(cli.NewContext(cli.NewApp(), set, nil), addr, &o)
		return o, err
	}
	for _, c := range []struct {
		listen, args, hosts string
	}{
		{"127.0.0.1:8000", "", "localhost"}, {"[::1]:8000", "", "localhost"}, {"0.0.0.0:8000", "", ""},
		{"127.0.0.1:8000", "--base-url https://node.example.org/", "localhost node.example.org"},
		{"0.0.0.0:8000", "--allow-host node --allow-host node.example.org", "node node.example.org localhost"},
	} {
		o, err := read(c.listen, strings.Fields(c.args)...)
		if got := strings.Join(o.Hosts, " "); err != nil || got != c.hosts {
			t.Errorf("%s %s: %q, want %q (%v)", c.listen, c.args, got, c.hosts, err)
		}
	}
	o, err := read("127.0.0.1:8000", "--trusted-proxy", "10.1.2.3/8", "--trusted-proxy", "::1", "--cors-origin", "https://pages.example.org")
	if err != nil || len(o.Proxies) != 2 || o.Proxies[0].String() != "10.0.0.0/8" || o.Proxies[1].String() != "::1/128" || !slices.Equal(o.Origins, []string{"https://pages.example.org"}) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range []string{"--base-url node", "--base-url https://node?x=1", "--allow-host http://node", "--trusted-proxy node", "--trusted-proxy 10.0.0.0/99", "--cors-origin pages.example.org", "--cors-origin https://pages.example.org/x"} {
		if _, err := read("127.0.0.1:8000", strings.Fields(args)...); err == nil {
			t.Errorf("%s was taken", args)
		}
	}
}

package cli

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/internal/node"
)

// FuzzWords parses sizes and times of the command line.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"64M", "8GiB", "0", "9000000000T", "30d", "12h", "2027-01-31", "2027-01-31T00:00:00Z",
		"-1d", "1e9d", "30D", ""} {
		f.Add(s)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseSize(s); err == nil && n < 0 {
			t.Errorf("%q is parsed as %d bytes", s, n)
		}
		if at, err := parseExpiry(s, now); err == nil && !at.After(now) {
			t.Errorf("%q is parsed as %s", s, at)
		}
		if p := printable(s); strings.ContainsAny(p, "\x1b\r\n\t\x7f\u009b") {
			t.Errorf("%q is printed as %q", s, p)
		}
	})
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "5000": 5000, "5000B": 5000, "64K": 64 << 10, "64KiB": 64 << 10,
		"64M": 64 << 20, "8G": 8 << 30, "1TiB": 1 << 40,
		"": -1, "M": -1, "-1": -1, "1.5G": -1, "64MB": -1, "64iB": -1, "9000000000T": -1, "64 M": -1, "0x10": -1} {
		got, err := parseSize(text)
		if want < 0 != (err != nil) || err == nil && got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestLimitFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nightjar.db")
	for args, want := range map[string]string{"--max-body 1.5G": "not a size", "--max-upload 10": "1024 bytes or more",
		"--max-uploads 0": "1 or more", "--max-header 1K": "4096", "--header-timeout 0s": "a second or more",
		"--body-timeout soon": "body-timeout", "--max-line 10": "1024 bytes or more",
		"--body-memory 1K": "1048576 bytes or more", "--min-body-rate 0": "1 bytes or more",
		"--send-timeout 1ms": "a second or more", "--idle-timeout 0": "idle-timeout",
		"--max-failed-logins 0": "1 or more"} {
		call(t, "", append([]string{"serve", "--db", file, "--listen", "127.0.0.1:0"},
			strings.Fields(args)...)...).refused(t, want, strings.Fields(args)[0][1:])
	}
}

// TestLimitsPage: the page on security has every limit with its default.
func TestLimitsPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/run/security.md")
	if err != nil {
		t.Fatal(err)
	}
	o := node.Defaults()
	for _, f := range limitFlags(&o.Limits) {
		value := f.(cli.DocGenerationFlag).GetValue()
		if d, yes := f.(*cli.DurationFlag); yes {
			value = strings.TrimSuffix(d.Value.String(), "m0s") + "m"
			if d.Value < time.Minute {
				value = d.Value.String()
			}
		}
		if row := fmt.Sprintf("| `--%s` | %s |", f.Names()[0],
			strings.Trim(value, `"`)); !strings.Contains(string(b), row) {
			t.Errorf("the page has no row %s", row)
		}
	}
}

// TestNetworkFlags: the flags set the options of a node, or are refused.
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
		"--trusted-proxy node", "--trusted-proxy 10.0.0.0/99", "--cors-origin pages.example.org",
		"--cors-origin https://pages.example.org/x"} {
		if _, err := read(strings.Fields(args)...); err == nil ||
			!strings.Contains(err.Error(), args[:strings.Index(args, " ")]+": ") {
			t.Errorf("%s: %v", args, err)
		}
	}
}

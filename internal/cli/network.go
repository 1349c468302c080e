package cli

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/api"
)

// networkFlags say what the node believes of those who ask, and whom it answers.
func networkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "base-url", Usage: "`URL` under which others reach the node, for the links in answers"},
		&cli.StringSliceFlag{Name: "allow-host", Usage: "answer only requests for this `NAME`, addresses, and the host of --base-url; may be repeated. A node that listens on this machine alone answers to localhost, and to what is named here"},
		&cli.StringSliceFlag{Name: "trusted-proxy", Usage: "believe the X-Forwarded headers of this `ADDRESS` or network; may be repeated"},
		&cli.StringSliceFlag{Name: "cors-origin", Usage: "let pages of this `ORIGIN`, such as https://pages.example.org, or * for all, use the API with a token; may be repeated"},
	}
}

// network reads the networkFlags.
func network(c *cli.Context, listener net.Addr, o *api.Options) error {
	o.BaseURL = c.String("base-url")
	base, err := url.Parse(o.BaseURL)
	if o.BaseURL != "" && (err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "") {
		return usageError(c, "--base-url: %q is no URL such as https://node.example.org", o.BaseURL)
	}
	o.Hosts = c.StringSlice("allow-host")
	for _, name := range o.Hosts {
		if name == "" || strings.ContainsAny(name, "/:@ ") {
			return usageError(c, "--allow-host: %q is no name of a host, such as node.example.org", name)
		}
	}
	if tcp, ok := listener.(*net.TCPAddr); ok && tcp.IP.IsLoopback() || len(o.Hosts) > 0 {
		o.Hosts = append(o.Hosts, "localhost")
		if o.BaseURL != "" {
			o.Hosts = append(o.Hosts, base.Hostname())
		}
	}
	for _, text := range c.StringSlice("trusted-proxy") {
		prefix, err := netip.ParsePrefix(text)
		if addr, failed := netip.ParseAddr(text); failed == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return usageError(c, "--trusted-proxy: %q is neither an address nor a network such as 10.0.0.0/8", text)
		}
		o.Proxies = append(o.Proxies, prefix.Masked())
	}
	o.Origins = c.StringSlice("cors-origin")
	for _, text := range o.Origins {
		u, err := url.Parse(text)
		if text != "*" && (err != nil || u.Host == "" || u.Scheme == "" || text != u.Scheme+"://"+u.Host) {
			return usageError(c, "--cors-origin: %q is no origin such as https://pages.example.org", text)
		}
	}
	return nil
}

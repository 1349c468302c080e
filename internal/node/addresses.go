package node

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// loopback reports whether an address can be reached only from this machine.
func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// reachable returns an address at which a browser on this machine reaches a listener. For a
// listener on all interfaces this is localhost.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return a.String()
}

// hosts returns the host names for which a node answers: those of n, and localhost if there are any
// or if the node listens only on this machine. An empty list stands for any name.
func hosts(a net.Addr, n Network) []string {
	list := n.Hosts[:len(n.Hosts):len(n.Hosts)]
	if loopback(a) || len(list) > 0 {
		list = append(list, "localhost")
		if base, err := url.Parse(n.BaseURL); err == nil && n.BaseURL != "" {
			list = append(list, base.Hostname())
		}
	}
	return list
}

// localHosts returns the IPv4 addresses of this machine, first the one by which others most likely
// reach it, and all hosts for its certificate: these addresses, the names of the machine, and
// names. It omits IPv6 addresses, which change too often, and those of bridges between programs on
// this machine, which cannot be reached from outside.
func localHosts(names ...string) (addresses, all []string) {
	add := func(ip net.IP) {
		if s := ip.String(); ip.To4() != nil && ip.IsGlobalUnicast() && !slices.Contains(addresses, s) {
			addresses = append(addresses, s)
		}
	}
	// This sends nothing, but picks the local address for packets to the outside.
	if conn, err := net.Dial("udp4", "192.0.2.1:9"); err == nil {
		add(conn.LocalAddr().(*net.UDPAddr).IP)
		conn.Close()
	}
	list, err := net.Interfaces()
	if err != nil {
		list = nil
	}
	for _, i := range list {
		within, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 ||
			slices.ContainsFunc([]string{"docker", "br-", "veth", "virbr"},
				func(s string) bool { return strings.HasPrefix(i.Name, s) }) {
			continue
		}
		for _, a := range within {
			if n, ok := a.(*net.IPNet); ok {
				add(n.IP)
			}
		}
	}
	all = []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
		if !strings.Contains(host, ".") {
			names = append(names, host+".local")
		}
	}
	for _, name := range names {
		if name = strings.ToLower(name); validHost(name) && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return addresses, append(all, addresses...)
}

// validHost reports whether a certificate can have the name.
func validHost(s string) bool {
	return s != "" && len(s) < 254 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == "" && s[0] != '-' &&
		s[0] != '.' && net.ParseIP(s) == nil
}

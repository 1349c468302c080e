package node

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// loopback says whether an address is of this machine alone.
func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// reachable is an address at which a browser on this machine finds a listener: one that listens
// everywhere is at localhost, too.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return a.String()
}

// hosts are the names by which a node may be called that listens on an address: those that n gives,
// and none for any name. One that listens on this machine alone answers to localhost.
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

// localHosts are the IPv4 addresses of this machine, the one by which others most likely reach it
// first, and all that its certificate names: these, and its names, to which more may be given.
// Addresses of IPv6 change too often, and those of bridges between programs on this machine are not
// reached from outside.
func localHosts(names ...string) (addresses, all []string) {
	add := func(ip net.IP) {
		if s := ip.String(); ip.To4() != nil && ip.IsGlobalUnicast() && !slices.Contains(addresses, s) {
			addresses = append(addresses, s)
		}
	}
	if conn, err := net.Dial("udp4", "192.0.2.1:9"); err == nil { // sends nothing: it asks which way packets would go
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

// validHost says whether a name can stand in a certificate.
func validHost(s string) bool {
	return s != "" && len(s) < 254 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == "" && s[0] != '-' &&
		s[0] != '.' && net.ParseIP(s) == nil
}

//go:build linux

package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// setUp gives the namespace's loopback interface the addresses of the scene, and the network its faults.
func (n network) setUp() error {
	steps := [][]string{{"link", "set", "lo", "up"}}
	if n.mtu > 0 {
		steps = append(steps, []string{"link", "set", "lo", "mtu", fmt.Sprint(n.mtu)})
	}
	for _, a := range append(addresses, n.addresses...) {
		steps = append(steps, []string{"addr", "add", a + "/32", "dev", "lo"})
	}
	for _, s := range steps {
		if out, err := exec.Command("ip", s...).CombinedOutput(); err != nil {
			return fmt.Errorf("set up the namespace's network: ip %s: %w: %s", strings.Join(s, " "), err, out)
		}
	}
	if n.bindings > 0 {
		for _, name := range []string{"udp_timeout", "udp_timeout_stream"} {
			file := "/proc/sys/net/netfilter/nf_conntrack_" + name
			if err := os.WriteFile(file, fmt.Append(nil, int(n.bindings.Seconds())), 0o644); err != nil {
				return fmt.Errorf("set how long a NAT binding lives: %w", err)
			}
		}
	}
	rules := n.rules()
	if rules == "" {
		return nil
	}
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = bytes.NewReader([]byte(rules))
	if out, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("set up the network's faults: nft: %w: %s\n%s", err, out, rules)
	}
	return nil
}

// rules writes what nft is to read.
func (n network) rules() string {
	var b strings.Builder
	chain := func(table, head string, verdict string, list []string) {
		if len(list) == 0 {
			return
		}
		fmt.Fprintf(&b, "table %s {\n chain c {\n  %s\n", table, head)
		for _, r := range list {
			fmt.Fprintf(&b, "  %s%s\n", r, verdict)
		}
		b.WriteString(" }\n}\n")
	}
	chain("netdev lost", `type filter hook egress device "lo" priority 0;`, " drop", n.lost)
	chain("ip shut", "type filter hook input priority 0;", "", n.shut)
	chain("ip nat", "type nat hook postrouting priority 100;", "", n.nat)
	return b.String()
}

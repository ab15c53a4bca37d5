package lab

import (
	"fmt"
	"slices"
	"time"
)

// network is what the network between the elements does beyond carrying packets; in words of nft(8).
type network struct {
	lost      []string      // matches: such packets are lost, and the witness does not see them
	shut      []string      // rules with their verdict, on arrival: the witness has seen the packet
	nat       []string      // rules of source NAT: the witness is on the public side
	addresses []string      // more addresses than every scene has
	bindings  time.Duration // how long a NAT binding lives without traffic
	mtu       int           // of every link
}

func (n network) clone() network {
	n.lost, n.shut, n.nat, n.addresses = slices.Clone(n.lost), slices.Clone(n.shut), slices.Clone(n.nat), slices.Clone(n.addresses)
	return n
}

// first matches UDP payloads that begin with word, from one host to another.
func first(from, to, word string) string {
	return fmt.Sprintf("ip saddr %s ip daddr %s meta l4proto udp @th,64,%d 0x%x", host(from), host(to), 8*len(word), word)
}

// between matches all UDP packets from one host to another.
func between(from, to string) string {
	return fmt.Sprintf("ip saddr %s ip daddr %s meta l4proto udp", host(from), host(to))
}

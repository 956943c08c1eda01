package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// network is a network namespace with one cable to the demo's own.
type network struct {
	name, cable string // the namespace, and the cable's end outside
	host        string
}

// newNetwork makes it. Addresses are of RFC 2544's range for tests of devices.
func newNetwork(ctx context.Context, pid int) (*network, error) {
	a, b := pid>>6&0xff, pid&0x3f<<2
	n := &network{name: fmt.Sprintf("haltlog-%d", pid), cable: fmt.Sprintf("hl%dh", pid), host: fmt.Sprintf("198.18.%d.%d", a, b+1)}
	inner := fmt.Sprintf("hl%dg", pid)
	if os.Geteuid() != 0 {
		return nil, errors.New("a network namespace takes root")
	}
	for _, args := range [][]string{
		{"netns", "add", n.name},
		{"link", "add", n.cable, "type", "veth", "peer", "name", inner, "netns", n.name},
		{"addr", "add", n.host + "/30", "dev", n.cable},
		{"link", "set", n.cable, "up"},
		{"-n", n.name, "addr", "add", fmt.Sprintf("198.18.%d.%d/30", a, b+2), "dev", inner},
		{"-n", n.name, "link", "set", inner, "up"},
		{"-n", n.name, "link", "set", "lo", "up"},
	} {
		if err := ip(ctx, args...); err != nil {
			n.remove(ctx)
			return nil, err
		}
	}
	return n, nil
}

func ip(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (n *network) down(ctx context.Context) error { return ip(ctx, "link", "set", n.cable, "down") }
func (n *network) up(ctx context.Context) error   { return ip(ctx, "link", "set", n.cable, "up") }

// inside is what a command line begins with to run there. Only the network is
// another one: ip-netns(8) would take away the view of the cgroup tree too.
func (n *network) inside() []string { return []string{"nsenter", "--net=/run/netns/" + n.name} }

// remove takes both away; the cable goes with the namespace, unless it never got there.
func (n *network) remove(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	_ = ip(ctx, "link", "del", n.cable)
	_ = ip(ctx, "netns", "del", n.name)
}

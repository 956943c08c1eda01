package main

import "fmt"

// Hosts of a region, by what runs there.
const (
	hostDaemon = iota + 1
	hostWitness
	hostMirror
)

// places are the regions of a network, as processes reach them: by the names of
// their namespaces. Nil is this machine's own network, where every port is free.
type places struct {
	Spaces    []string   `json:"spaces"`
	Hosts     [][]string `json:"hosts"`     // addresses, by region and host from 1
	Witnesses []int      `json:"witnesses"` // the region of each
}

// in is how a program is started in a region.
func (p *places) in(region int, argv []string) []string {
	if p == nil {
		return argv
	}
	return append([]string{"ip", "netns", "exec", p.Spaces[region]}, argv...)
}

// listen is an address of a host in a region.
func (p *places) listen(region, host int) string {
	if p == nil {
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("%s:0", p.Hosts[region][host-1])
}

// witness is the region that a witness is in.
func (p *places) witness(i int) int {
	if p == nil {
		return 0
	}
	return p.Witnesses[i%len(p.Witnesses)]
}

package spread

import "time"

const (
	// MaxRegions bounds a network: a region's addresses are 10.77.(i+1).0/24, and
	// the links between regions are as many as its square.
	MaxRegions = 16
	// MTU of every device, in bytes: that of an Ethernet.
	MTU = 1500
	// maxQueue bounds the packets that one link may hold: 12 MB at MTU.
	maxQueue = 8192
	// maxDelay bounds a link's delay and jitter: beyond it a figure would be of
	// another planet.
	maxDelay = 5 * time.Second
	// maxKills is how often processes left in a region are looked for when it is
	// closed, and killPause the time between two: 5 s in all.
	maxKills  = 250
	killPause = 20 * time.Millisecond
	// hosts is how many addresses a region has.
	hosts = 250
)

package spread

import "time"

// Regions are the five of World, in the order of its tables.
func Regions() []string {
	return []string{"eu-central", "us-east", "us-west", "ap-southeast", "sa-east"}
}

// World is the link between two of the Regions: half of the round trip below each
// way as the least, jitter of a tenth of that on top, and the loss below in each
// direction.
//
// The numbers are chosen, not measured: round trips of the size that long routes
// between these places have (light in fibre takes 1 ms for 200 km, so 65 ms there
// and back over the 6,500 km from Frankfurt to Virginia, before any detour), from
// 60 to 250 ms, and 0.5 to 2 % of loss, which is worse than a good backbone: a
// figure taken on it is meant to be on the safe side.
func World(from, to int) Link {
	roundTrip := [5][5]int{ // milliseconds
		{0, 90, 150, 165, 205},
		{90, 0, 60, 220, 115},
		{150, 60, 0, 170, 175},
		{165, 220, 170, 0, 250},
		{205, 115, 175, 250, 0},
	}
	loss := [5][5]float64{
		{0, 0.005, 0.005, 0.01, 0.01},
		{0.005, 0, 0.005, 0.01, 0.01},
		{0.005, 0.005, 0, 0.01, 0.01},
		{0.01, 0.01, 0.01, 0, 0.02},
		{0.01, 0.01, 0.01, 0.02, 0},
	}
	oneWay := time.Duration(roundTrip[from][to]) * time.Millisecond / 2
	return Link{Delay: oneWay, Jitter: oneWay / 10, Loss: loss[from][to], Queue: 4096}
}

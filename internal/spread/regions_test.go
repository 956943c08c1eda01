package spread

import (
	"testing"
	"time"
)

func TestWorldIsWhatItSays(t *testing.T) {
	for from := range Regions() {
		for to := range Regions() {
			if from == to {
				continue
			}
			l := World(from, to)
			if err := l.Validate(); err != nil || l != World(to, from) {
				t.Errorf("%d to %d: %+v, back %+v: %v", from, to, l, World(to, from), err)
			}
			if rtt := 2 * l.Delay; rtt < 60*time.Millisecond || rtt > 250*time.Millisecond || l.Loss < 0.005 || l.Loss > 0.02 {
				t.Errorf("%d to %d: %+v is outside of what is documented", from, to, l)
			}
		}
	}
}

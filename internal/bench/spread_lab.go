package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/log"
)

// labPart are the labs of one region: each keeps a list of its own by what `haltlog
// sync --follow` does, from the region's mirror, and looks for labels in it.
type labPart struct {
	Dir     string        `json:"dir"`
	Mirror  string        `json:"mirror"`
	Genesis string        `json:"genesis"`
	Quorum  string        `json:"quorum"`
	Labs    int           `json:"labs"`
	Every   time.Duration `json:"every"`
	Watch   []watched     `json:"watch"` // by halt
}

// watched is a label that is looked for.
type watched struct {
	Kind  string `json:"kind"`
	Label []byte `json:"label"`
}

// sighting is a lab's report: the label of a halt is in the list that it verified.
type sighting struct {
	Mirror int   `json:"-"` // whose lab it is: its reader knows
	Lab    int   `json:"lab"`
	Run    int   `json:"run"`
	At     int64 `json:"at"` // nanoseconds since 1970, of the one clock that all regions have
}

func (p *labPart) run(ctx context.Context) error {
	genesis, err := log.ParseHex(p.Genesis)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	report := json.NewEncoder(os.Stdout)
	var wg sync.WaitGroup
	for lab := range p.Labs {
		wg.Go(func() {
			// Labs look at times of their own.
			pause(ctx, rand.N(p.Every))
			seen := make([]bool, len(p.Watch))
			for ctx.Err() == nil {
				began := time.Now()
				found, err := p.look(ctx, lab, genesis, seen)
				if err != nil && ctx.Err() == nil {
					fmt.Fprintf(os.Stderr, "lab %d: %v\n", lab, err)
				}
				mu.Lock()
				for _, x := range found {
					_ = report.Encode(x) // whoever reads it is gone, or not
				}
				mu.Unlock()
				pause(ctx, p.Every-time.Since(began))
			}
		})
	}
	wg.Wait()
	return nil
}

// look synchronises a lab's list once, and reads it as the lab would: verified.
func (p *labPart) look(ctx context.Context, lab int, genesis log.Hash, seen []bool) (found []sighting, err error) {
	c, err := client.New(client.Config{URL: p.Mirror})
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(p.Dir, fmt.Sprint(lab))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r, err := listsync.Sync(ctx, listsync.Config{Dir: dir, Genesis: &genesis, Quorum: []byte(p.Quorum), Now: time.Now}, []listsync.Source{{Name: p.Mirror, Log: client.NewPlain(c)}})
	if err != nil || !r.Changed {
		return nil, err
	}
	list, err := listsync.Open(dir)
	if err != nil {
		return nil, err
	}
	for i, w := range p.Watch {
		if !seen[i] && list.Contains(fingerprint.Kind(w.Kind), 1, blacklist.Label(w.Label)) {
			seen[i] = true
			found = append(found, sighting{Lab: lab, Run: i, At: time.Now().UnixNano()})
		}
	}
	return found, nil
}

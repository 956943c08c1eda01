package demo

import (
	"context"
	"fmt"
)

func validPlant(name, scenario string) error {
	if name != "" && scenario != "vote" {
		return fmt.Errorf("a plant alters the log of the scenario vote, not of %s", scenario)
	}
	return nil
}

func (w *world) plant(context.Context, string) error { return nil }

// Plants are the names of all plants.
func Plants() []string { return []string{"leaf", "witness", "relabel", "skip", "clock"} }

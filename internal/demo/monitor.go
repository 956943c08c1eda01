package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// Monitoring says where a monitor beats.
type Monitoring struct {
	URL     string
	Quorum  []byte
	Genesis log.Hash
	Key     log.Signer
	Every   time.Duration
}

// Monitor says that it is up, each time with the newest anchor that it verified,
// until the context ends. What fails is printed and tried again.
func Monitor(ctx context.Context, m Monitoring, stdout io.Writer) error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	c, err := client.New(client.Config{URL: m.URL})
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	l, err := trust.Open(ctx, trust.Config{Quorum: m.Quorum, Genesis: &m.Genesis}, c, new(trust.Volatile))
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	tick := time.NewTicker(m.Every)
	defer tick.Stop()
	for n := uint64(1); ; n++ {
		if err := beat(ctx, m, l, c, n, strings.TrimSpace(string(boot))); err != nil {
			fmt.Fprintf(stdout, "beat %d: %v\n", n, err)
		} else {
			fmt.Fprintf(stdout, "beat %d\n", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func beat(ctx context.Context, m Monitoring, l *trust.Log, c *client.Client, n uint64, boot string) error {
	a, err := l.Anchor(ctx)
	if err != nil {
		return err
	}
	leaf, err := log.Seal(&log.Heartbeat{Origin: l.Genesis().Origin, Sequence: n, Anchor: a.Ref, Alive: true, BootID: boot}, m.Key)
	if err != nil {
		return err
	}
	_, err = c.Submit(ctx, leaf)
	return err
}

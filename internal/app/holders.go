package app

import (
	"context"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
)

// partTime is how long one holder may take: it may look at the log once more.
const partTime = 10 * time.Second

// holderPart asks a holder of a share of the escrow key.
func holderPart(ctx context.Context, address string, r api.EscrowRequest) (api.EscrowAnswer, error) {
	c, err := client.New(client.Config{URL: address})
	if err != nil {
		return api.EscrowAnswer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, partTime)
	defer cancel()
	return c.OpenEscrow(ctx, r)
}

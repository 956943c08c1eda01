package memlog_test

import (
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog/logtest"
	"github.com/haltlog/haltlog/internal/tesseralog/memlog"
)

func TestConformance(t *testing.T) {
	logtest.Run(t, func(t *testing.T) (logtest.Log, *checkpoint.Quorum) {
		k := logtest.NewKeys(t, "log.example/mem")
		q := k.Quorum(t)
		l, err := memlog.New(memlog.Config{Origin: k.Origin, Signers: k.Log, Cosigners: k.Witnesses, Quorum: func() *checkpoint.Quorum { return q }})
		if err != nil {
			t.Fatal(err)
		}
		return l, q
	})
}

package fold

import (
	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/log"
)

func verifyRotation(*log.Rotation, log.EvaluatorSet, log.EvaluatorSet, []blacklist.Label, []blacklist.Label) error {
	return errUnprovable
}

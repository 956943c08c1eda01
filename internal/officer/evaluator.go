package officer

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// MarshalEvaluator prints an evaluator's key: the secret scalar in lower-case hex,
// and a newline.
func MarshalEvaluator(k *voprf.PrivateKey) []byte {
	return []byte(hex.EncodeToString(k.Bytes()) + "\n")
}

// ParseEvaluator reads what MarshalEvaluator printed. Errors hold no key material.
func ParseEvaluator(text []byte) (*voprf.PrivateKey, error) {
	line, ok := strings.CutSuffix(string(text), "\n")
	raw, err := hex.DecodeString(line)
	if !ok || err != nil || hex.EncodeToString(raw) != line {
		return nil, fmt.Errorf("%w: want one line of hexadecimal digits", ErrFile)
	}
	k, err := voprf.ParsePrivateKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: no evaluator key", ErrFile)
	}
	return k, nil
}

// Alone is the set of one evaluator.
func Alone(version uint64, public []byte) (log.EvaluatorSet, error) {
	if _, err := voprf.ParsePublicKey(public); err != nil {
		return log.EvaluatorSet{}, fmt.Errorf("%w: evaluator's public key: %w", ErrFile, err)
	}
	return log.EvaluatorSet{Version: version, PublicKey: public, T: 1, N: 1, Commitments: []log.Bytes{public}}, nil
}

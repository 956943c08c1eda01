package evaluate

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// Header carries an evaluator's signature of its answer: the holder's index, the
// signing key's ID and the signature in base64, with blanks between. Clients that
// know nothing of it lose nothing but the evidence.
const Header = "Haltlog-Evaluator"

// tagAnswer begins what is signed of an answer.
const tagAnswer = "haltlog/evaluation/v1\n"

// Errors of answers.
var (
	// ErrHeader is a header that is none.
	ErrHeader = errors.New("no evaluator's signature")
	// ErrAnswer is evidence that is not signed by the holder that it blames, or
	// that is of another set.
	ErrAnswer = errors.New("not an answer of this evaluator")
)

// Signed is an evaluator's answer with its signature: whoever holds one that is
// wrong can show it to anybody.
type Signed struct {
	Origin    string    `json:"origin"`
	Version   uint64    `json:"version"` // of the label key
	Holder    int       `json:"holder"`  // from 1
	SPKI      log.Bytes `json:"spki"`    // its ID is that of the set's holder
	Request   log.Bytes `json:"request"`
	Response  log.Bytes `json:"response"`
	Signature log.Bytes `json:"signature"`
}

// message is what is signed: the tag, the origin after its length as four bytes,
// the key version as eight, the holder as four, SHA-256 of request and of
// response. All integers big-endian.
func (a Signed) message() []byte {
	b := binary.BigEndian.AppendUint32([]byte(tagAnswer), uint32(len(a.Origin)))
	b = append(b, a.Origin...)
	b = binary.BigEndian.AppendUint64(b, a.Version)
	b = binary.BigEndian.AppendUint32(b, uint32(a.Holder))
	for _, x := range [][]byte{a.Request, a.Response} {
		h := sha256.Sum256(x)
		b = append(b, h[:]...)
	}
	return b
}

// Sign is the header's value for an answer.
func (a Signed) Sign(signer log.Signer) (string, error) {
	sig, err := signer.Sign(a.message())
	if err != nil {
		return "", fmt.Errorf("sign answer: %w", err)
	}
	return fmt.Sprintf("%d %s %s", a.Holder, signer.KeyID(), base64.StdEncoding.EncodeToString(sig)), nil
}

// ParseHeader reads what Sign gave.
func ParseHeader(s string) (holder int, keyID string, signature []byte, err error) {
	f := strings.Split(s, " ")
	if len(f) != 3 {
		return 0, "", nil, ErrHeader
	}
	holder, err = strconv.Atoi(f[0])
	if err != nil || holder < 1 || holder > log.MaxEvaluators || strconv.Itoa(holder) != f[0] {
		return 0, "", nil, fmt.Errorf("%w: holder", ErrHeader)
	}
	if _, err := log.ParseHex(f[1]); err != nil {
		return 0, "", nil, fmt.Errorf("%w: key", ErrHeader)
	}
	signature, err = base64.StdEncoding.Strict().DecodeString(f[2])
	if err != nil || len(signature) == 0 || len(signature) > log.MaxProof {
		return 0, "", nil, fmt.Errorf("%w: signature", ErrHeader)
	}
	return holder, f[1], signature, nil
}

// Verify checks that the holder of that index in the set signed the answer. The
// error is ErrAnswer.
func (a Signed) Verify(set log.EvaluatorSet, v log.Verifier) error {
	switch {
	case a.Version != set.Version:
		return fmt.Errorf("%w: of key version %d, the set is %d", ErrAnswer, a.Version, set.Version)
	case a.Holder < 1 || a.Holder > len(set.Holders):
		return fmt.Errorf("%w: holder %d of %d", ErrAnswer, a.Holder, len(set.Holders))
	case log.KeyID(a.SPKI) != set.Holders[a.Holder-1].KeyID:
		return fmt.Errorf("%w: signed by another key than that of holder %d", ErrAnswer, a.Holder)
	}
	if err := v.Verify(a.SPKI, a.message(), a.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return nil
}

// evidence is the file's form.
type evidence struct {
	Format string `json:"format"`
	Signed
}

const evidenceFormat = "haltlog/evaluation-evidence/v1"

// maxEvidence bounds an evidence file: two bodies of the largest batch in base64.
const maxEvidence = 8 << 20

// Marshal is the file by which a wrong answer is shown.
func (a Signed) Marshal() ([]byte, error) {
	b, err := json.MarshalIndent(evidence{evidenceFormat, a}, "", "  ")
	return append(b, '\n'), err
}

// ParseSigned reads exactly what Marshal printed.
func ParseSigned(raw []byte) (Signed, error) {
	var e evidence
	if len(raw) > maxEvidence {
		return e.Signed, fmt.Errorf("read evidence: longer than %d bytes", maxEvidence)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e.Signed, fmt.Errorf("read evidence: %w", err)
	}
	again, err := e.Marshal()
	if err != nil || e.Format != evidenceFormat || !bytes.Equal(again, raw) {
		return Signed{}, fmt.Errorf("read evidence: not in its one form, %s", evidenceFormat)
	}
	return e.Signed, nil
}

// Blame judges a wrong answer offline: nil if the holder signed it, and it is proven
// wrong under the set that the log names and under every earlier one of that key
// version in which it held that place. A refresh changes what right answers are and
// not the version, so that an answer of before it would look like a lie: before has to
// be all of them that the log ever named. Errors: ErrAnswer where it is not the
// holder's word, or a set is of another version; voprf.ErrRight where it is right.
func (a Signed) Blame(set log.EvaluatorSet, v log.Verifier, before ...log.EvaluatorSet) error {
	if err := a.Verify(set, v); err != nil {
		return err
	}
	if err := a.misanswer(set); err != nil {
		return err
	}
	for _, e := range before {
		if e.Version != a.Version {
			return fmt.Errorf("%w: of key version %d, a set is %d", ErrAnswer, a.Version, e.Version)
		}
		if a.Holder > len(e.Holders) || e.Holders[a.Holder-1].KeyID != log.KeyID(a.SPKI) {
			continue
		}
		if err := a.misanswer(e); err != nil {
			return err
		}
	}
	return nil
}

// misanswer judges the response alone: nil if it is wrong under a set.
func (a Signed) misanswer(set log.EvaluatorSet) error {
	commitments := make([][]byte, len(set.Commitments))
	for i, c := range set.Commitments {
		commitments[i] = c
	}
	m := voprf.Misanswer{Index: a.Holder, Request: a.Request, Response: a.Response}
	return m.Verify(voprf.Set{Version: set.Version, PublicKey: set.PublicKey, T: set.T, N: set.N, Commitments: commitments})
}

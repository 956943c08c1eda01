// Command voprf times this module's evaluator and client beside circl's, batch by
// batch in turns on one core, and prints every duration as one JSON document.
package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/cloudflare/circl/oprf"

	"github.com/haltlog/haltlog/blacklist/voprf"
)

// Report holds nanoseconds of whole batches, in the order in which they ran.
type Report struct {
	Batch        int             `json:"batch"`
	OursBlind    []time.Duration `json:"ours_blind_ns"`
	OursEvaluate []time.Duration `json:"ours_evaluate_ns"`
	OursFinish   []time.Duration `json:"ours_finish_ns"`
	PeerBlind    []time.Duration `json:"circl_blind_ns"`
	PeerEvaluate []time.Duration `json:"circl_evaluate_ns"`
	PeerFinish   []time.Duration `json:"circl_finish_ns"`
}

func main() {
	batch := flag.Int("batch", 256, "elements of a batch")
	runs := flag.Int("runs", 50, "batches of each")
	flag.Parse()
	runtime.GOMAXPROCS(1) // per element on one core: ours would take all of them
	r, err := measure(*batch, *runs)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "voprf:", err)
		os.Exit(1)
	}
}

func measure(batch, runs int) (*Report, error) {
	if batch < 1 || batch > voprf.MaxBatch {
		return nil, errors.New("batch out of range")
	}
	suite := oprf.SuiteRistretto255
	peerKey, err := oprf.GenerateKey(suite, rand.Reader)
	if err != nil {
		return nil, err
	}
	server := oprf.NewVerifiableServer(suite, peerKey)
	client := oprf.NewVerifiableClient(suite, peerKey.Public())
	raw, err := peerKey.MarshalBinary()
	if err != nil {
		return nil, err
	}
	key, err := voprf.ParsePrivateKey(raw)
	if err != nil {
		return nil, err
	}
	evaluator := voprf.NewEvaluator(key)
	inputs := make([][]byte, batch)
	for i := range inputs {
		inputs[i] = fmt.Appendf(nil, "fingerprint %d", i)
	}
	r := &Report{Batch: batch}
	took := func(list *[]time.Duration, do func() error) error {
		began := time.Now()
		err := do()
		*list = append(*list, time.Since(began))
		return err
	}
	for range runs {
		var q *voprf.Query
		var answer []byte
		var data *oprf.FinalizeData
		var request *oprf.EvaluationRequest
		var evaluation *oprf.Evaluation
		steps := []struct {
			list *[]time.Duration
			do   func() error
		}{
			{&r.OursBlind, func() (err error) { q, err = voprf.NewQuery(key.Public(), inputs); return err }},
			{&r.PeerBlind, func() (err error) { data, request, err = client.Blind(inputs); return err }},
			{&r.OursEvaluate, func() (err error) { answer, err = evaluator.Answer(q.Requests()[0]); return err }},
			{&r.PeerEvaluate, func() (err error) { evaluation, err = server.Evaluate(request); return err }},
			{&r.OursFinish, func() error { _, err := q.Labels([][]byte{answer}); return err }},
			{&r.PeerFinish, func() error { _, err := client.Finalize(data, evaluation); return err }},
		}
		for _, s := range steps {
			if err := took(s.list, s.do); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

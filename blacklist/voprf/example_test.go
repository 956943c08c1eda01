package voprf_test

import (
	"fmt"

	"github.com/haltlog/haltlog/blacklist/voprf"
)

// A lab learns the label of a fingerprint that the evaluator never sees.
func Example() {
	key := voprf.GenerateKey() // the evaluator's; its public half stands in the log
	evaluator := voprf.NewEvaluator(key)
	set := voprf.Set{Version: 1, PublicKey: key.Public().Bytes(), T: 1, N: 1, Commitments: [][]byte{key.Public().Bytes()}}

	public, err := set.Key()
	if err != nil {
		fmt.Println(err)
		return
	}
	query, err := voprf.NewQuery(public, [][]byte{[]byte("fingerprint of a tensor")})
	if err != nil {
		fmt.Println(err)
		return
	}
	var responses [][]byte
	for _, request := range query.Requests() { // each is the body of a POST
		response, err := evaluator.Answer(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		responses = append(responses, response)
	}
	labels, err := query.Labels(responses) // nothing unless every proof verifies
	if err != nil {
		fmt.Println(err)
		return
	}
	listed, err := key.Label([]byte("fingerprint of a tensor"))
	fmt.Println(len(labels), labels[0] == listed, err)
	// Output: 1 true <nil>
}

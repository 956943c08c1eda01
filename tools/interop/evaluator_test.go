package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"github.com/cloudflare/circl/zk/dleq"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/internal/rig"
)

// daemon runs a whole log with one evaluator, and returns the address of its
// evaluate route and the key that the genesis names.
func daemon(t *testing.T) (url string, public []byte) {
	t.Helper()
	r, err := rig.Start(t.TempDir(), rig.Options{}, func(c *config.Config) { c.Blacklist.Anonymous = 1 << 20 })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r.Client.URL() + api.RouteEvaluate + "?version=1", r.Evaluator.Public().Bytes()
}

// post sends blinded elements as they are, and takes the answer apart by RFC 9497
// alone: the evaluated elements, then c and s of the proof.
func post(ctx context.Context, t *testing.T, url string, blinded [][]byte) (evaluated [][]byte, proof []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(bytes.Join(blinded, nil)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<22))
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || len(body) != 32*len(blinded)+64 {
		t.Fatalf("%s: %d bytes: %q", res.Status, len(body), body[:min(len(body), 200)])
	}
	for i := range blinded {
		evaluated = append(evaluated, body[32*i:32*i+32])
	}
	return evaluated, body[32*len(blinded):]
}

func inputs(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "fingerprint %d", i)
	}
	return out
}

// TestCirclClient: circl's verifiable client blinds multiplicatively, verifies and
// finalises against the daemon's route, and arrives at the labels of the key.
func TestCirclClient(t *testing.T) {
	url, public := daemon(t)
	suite := oprf.SuiteRistretto255
	pk := new(oprf.PublicKey)
	if err := pk.UnmarshalBinary(suite, public); err != nil {
		t.Fatal(err)
	}
	client := oprf.NewVerifiableClient(suite, pk)
	for _, n := range []int{1, 2, 257} {
		xs := inputs(n)
		data, request, err := client.Blind(xs)
		if err != nil {
			t.Fatal(err)
		}
		var blinded [][]byte
		for _, e := range request.Elements {
			b, err := e.MarshalBinaryCompress()
			if err != nil {
				t.Fatal(err)
			}
			blinded = append(blinded, b)
		}
		evaluated, proof := post(t.Context(), t, url, blinded)
		outputs, err := client.Finalize(data, evaluation(t, evaluated, proof))
		if err != nil {
			t.Fatalf("batch of %d: %v", n, err)
		}
		// The RFC's own client of ours, over a query of its own, must agree.
		if want := ours(t, url, public, xs); !equal(outputs, want) {
			t.Errorf("batch of %d: outputs differ", n)
		}
		// And circl refuses what was tampered with.
		proof = bytes.Clone(proof)
		proof[0] ^= 1
		if e, ok := tryEvaluation(evaluated, proof); ok {
			if _, err := client.Finalize(data, e); err == nil {
				t.Errorf("batch of %d: a changed proof was taken", n)
			}
		}
	}
}

func evaluation(t *testing.T, evaluated [][]byte, proof []byte) *oprf.Evaluation {
	t.Helper()
	e, ok := tryEvaluation(evaluated, proof)
	if !ok {
		t.Fatal("circl does not decode the answer")
	}
	return e
}

func tryEvaluation(evaluated [][]byte, proof []byte) (*oprf.Evaluation, bool) {
	e := &oprf.Evaluation{Proof: new(dleq.Proof)}
	for _, b := range evaluated {
		x := group.Ristretto255.NewElement()
		if x.UnmarshalBinary(b) != nil {
			return nil, false
		}
		e.Elements = append(e.Elements, x)
	}
	return e, e.Proof.UnmarshalBinary(group.Ristretto255, proof) == nil
}

// ours finalises with our own client of the RFC's form.
func ours(t *testing.T, url string, public []byte, xs [][]byte) [][]byte {
	t.Helper()
	pk, err := voprf.ParsePublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	c, err := voprf.NewClient(voprf.ModeVOPRF, pk, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Blind(xs)
	if err != nil {
		t.Fatal(err)
	}
	evaluated, proof := post(t.Context(), t, url, b.Elements())
	out, err := b.Finalize(evaluated, proof)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func equal(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// TestCirclServer: our additive client takes circl's answers, and its labels are
// those of the key.
func TestCirclServer(t *testing.T) {
	suite := oprf.SuiteRistretto255
	key, err := oprf.GenerateKey(suite, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := key.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	same, err := voprf.ParsePrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	server := oprf.NewVerifiableServer(suite, key)
	public, err := key.Public().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	pk, err := voprf.ParsePublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	xs := inputs(300)
	q, err := voprf.NewQuery(pk, xs)
	if err != nil {
		t.Fatal(err)
	}
	var responses [][]byte
	for _, body := range q.Requests() {
		responses = append(responses, circlAnswer(t, server, body))
	}
	labels, err := q.Labels(responses)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range labels {
		want, err := same.Label(xs[i])
		if err != nil {
			t.Fatal(err)
		}
		if l != want {
			t.Fatalf("label %d differs", i)
		}
		// The RFC's output made of the label is circl's own.
		out, err := server.FullEvaluate(xs[i])
		if err != nil {
			t.Fatal(err)
		}
		if !server.VerifyFinalize(xs[i], out) {
			t.Fatal("circl does not take its own output")
		}
	}
	// A server with another key is refused, whatever it proves.
	other, err := oprf.GenerateKey(suite, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	responses[0] = circlAnswer(t, oprf.NewVerifiableServer(suite, other), q.Requests()[0])
	if _, err := q.Labels(responses); err == nil {
		t.Error("an answer under another key was taken")
	}
}

func circlAnswer(t *testing.T, server oprf.VerifiableServer, body []byte) []byte {
	t.Helper()
	blinded, err := voprf.ParseRequest(body)
	if err != nil {
		t.Fatal(err)
	}
	request := &oprf.EvaluationRequest{}
	for _, b := range blinded {
		x := group.Ristretto255.NewElement()
		if err := x.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		request.Elements = append(request.Elements, x)
	}
	e, err := server.Evaluate(request)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, x := range e.Elements {
		b, err := x.MarshalBinaryCompress()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	proof, err := e.Proof.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return append(out, proof...)
}

// TestNobleClient: @noble/curves under Node blinds, verifies and finalises against
// the daemon's route.
func TestNobleClient(t *testing.T) {
	url, public := daemon(t)
	folder := noble(t)
	for _, n := range []int{1, 40} {
		xs := inputs(n)
		var hexes []string
		for _, x := range xs {
			hexes = append(hexes, hex.EncodeToString(x))
		}
		question, err := json.Marshal(map[string]any{"url": url, "public": hex.EncodeToString(public), "inputs": hexes})
		if err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), "node", "voprf.mjs")
		c.Dir, c.Stdin, c.Stderr = folder, bytes.NewReader(question), os.Stderr
		raw, err := c.Output()
		if err != nil {
			t.Fatalf("batch of %d: %v", n, err)
		}
		var outputs []string
		if err := json.Unmarshal(raw, &outputs); err != nil {
			t.Fatalf("%v: %q", err, raw)
		}
		for i, want := range ours(t, url, public, xs) {
			if i >= len(outputs) || outputs[i] != hex.EncodeToString(want) {
				t.Fatalf("batch of %d: output %d differs", n, i)
			}
		}
	}
}

// noble installs the pinned package beside the script, once.
func noble(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("noble")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "@noble", "curves")); err == nil {
		return folder
	}
	c := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	c.Dir = folder
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return folder
}

package app_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// begin is a rig with a policy, a group and an armed run.
func begin(ctx context.Context, t *testing.T, o rig.Options, set func(*config.Config)) *rig.Rig {
	t.Helper()
	r, err := rig.Start(t.TempDir(), o, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	if err := r.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(ctx, "run-1"); err != nil {
		t.Fatal(err)
	}
	return r
}

// send makes one request and reads its answer whole.
func send(t *testing.T, method, url string, body []byte, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, raw
}

// refused sends a statement that must be refused, with its problem.
func refused(t *testing.T, r *rig.Rig, leaf []byte, status int, name string) api.Problem {
	t.Helper()
	res, raw := send(t, http.MethodPost, r.Client.URL()+api.RouteStatements, leaf)
	var p api.Problem
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("status %d, no problem: %s", res.StatusCode, raw)
	}
	if res.StatusCode != status || p.Status != status || p.Type != api.ProblemBase+name || p.Title == "" || p.Detail == "" {
		t.Errorf("status %d, want %d %s: %s", res.StatusCode, status, name, raw)
	}
	if ct := res.Header.Get("Content-Type"); ct != api.TypeProblem {
		t.Errorf("content type %q", ct)
	}
	if cc := res.Header.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("a refusal may be cached: %q", cc)
	}
	if (status == 429 || status == 503) != (res.Header.Get("Retry-After") != "") {
		t.Errorf("status %d, Retry-After %q", status, res.Header.Get("Retry-After"))
	}
	return p
}

// submitted are the entries that people submit: all but what the daemon writes by itself.
func submitted(ctx context.Context, t *testing.T, r *rig.Rig) (n int) {
	t.Helper()
	for e, err := range r.Client.Entries(ctx, client.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if k := log.Kind(e.Kind); k != log.KindAnchor && k != log.KindDecision {
			n++
		}
		if e.Validity != string(log.Valid) {
			t.Errorf("entry %d is %s: %s", e.Index, e.Validity, e.Reason)
		}
	}
	return n
}

// envelope is an envelope of the right form around any payload, signed by nobody.
func envelope(payload, kind string) []byte {
	return fmt.Appendf(nil, `{"payload":%q,"payloadType":"application/vnd.haltlog.%s.v1+json","signatures":[{"keyid":%q,"sig":%q}]}`,
		base64.StdEncoding.EncodeToString([]byte(payload)), kind, strings.Repeat("0", 64), base64.StdEncoding.EncodeToString(make([]byte, 64)))
}

// TestRefusals sends what must be refused, each with its answer, and finds nothing of it in the log.
func TestRefusals(t *testing.T) {
	t.Attr("invariant", "S1")
	t.Attr("invariant", "S3")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	r := begin(ctx, t, rig.Options{}, nil)
	good, err := r.CheckinLeaf(ctx, "run-1", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Client.SubmitFolded(ctx, good); err != nil {
		t.Fatal(err)
	}
	before := submitted(ctx, t, r)

	for name, c := range map[string]struct {
		leaf []byte
		name string
	}{
		"empty":          {[]byte{}, "malformed"},
		"no envelope":    {[]byte("{}"), "malformed"},
		"no JSON":        {[]byte("halt!"), "malformed"},
		"oversized":      {append(good, bytes.Repeat([]byte(" "), 1<<16)...), "too-large"},
		"duplicate":      {bytes.Replace(good, []byte(`{"payload":`), []byte(`{"payload":"","payload":`), 1), "malformed"},
		"trailing":       {append(bytes.Clone(good), '\n'), "malformed"},
		"trailing JSON":  {append(bytes.Clone(good), good...), "malformed"},
		"space":          {bytes.Replace(good, []byte(`","payloadType"`), []byte(`", "payloadType"`), 1), "malformed"},
		"order":          {envelope(`{"run":"run-1","origin":"log.example/rig"}`, "checkin"), "malformed"},
		"float":          {envelope(`{"anchor":{"index":1.0,"root":""},"origin":"log.example/rig","run":"run-1","sequence":1}`, "checkin"), "malformed"},
		"unknown field":  {envelope(`{"more":1}`, "checkin"), "malformed"},
		"payload twice":  {envelope(`{"run":"a","run":"b"}`, "checkin"), "malformed"},
		"unknown kind":   {envelope(`{}`, "wish"), "malformed"},
		"cut short":      {good[:len(good)-1], "malformed"},
		"approval":       {envelope(`{}`, "approval"), "kind-not-served"},
		"reading":        {envelope(`{}`, "reading"), "kind-not-served"},
		"lot":            {envelope(`{"chain":"main","members":[],"method":"lot","name":"council","number":1,"origin":"log.example/rig","previous":null}`, "group"), "kind-not-served"},
		"upper-case key": {bytes.Replace(good, []byte(`"keyid":"`), []byte(`"keyid":"A`), 1), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			p := refused(t, r, c.leaf, http.StatusBadRequest, c.name)
			if p.Place == "" {
				t.Errorf("no place: %+v", p)
			}
			if c.name == "kind-not-served" && !strings.Contains(p.Detail, name) {
				t.Errorf("not by name: %s", p.Detail)
			}
		})
	}
	stranger := stranger(t)
	anchor, err := r.Anchor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(st log.Statement, s ...log.Signer) []byte {
		t.Helper()
		leaf, err := log.Seal(st, s...)
		if err != nil {
			t.Fatal(err)
		}
		return leaf
	}
	checkin := &log.Checkin{Origin: rig.Origin, Run: "run-1", Sequence: 2, Anchor: anchor}
	refused(t, r, seal(checkin, stranger), http.StatusForbidden, "forbidden")
	refused(t, r, seal(checkin, r.Registrar), http.StatusForbidden, "forbidden")
	refused(t, r, seal(&log.Freeze{Origin: rig.Origin, Reason: "no"}, r.Officers[0]), http.StatusForbidden, "forbidden")
	forged := bytes.Clone(seal(checkin, r.Members[0].Checkin))
	at := bytes.Index(forged, []byte(`"sig":"`)) + 12
	// Another letter of the alphabet, so that the signature and not the form is wrong.
	if forged[at] == 'A' {
		forged[at] = 'B'
	} else {
		forged[at] = 'A'
	}
	refused(t, r, forged, http.StatusForbidden, "forbidden")
	vote, err := r.VoteLeaf("run-1", 0)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r, forgedRing(t, vote), http.StatusForbidden, "forbidden")
	refused(t, r, seal(&log.Checkin{Origin: rig.Origin, Run: "run-1", Sequence: 1, Anchor: log.AnchorRef{}}, r.Members[0].Checkin), http.StatusConflict, "conflict")
	nowhere, err := r.VoteLeaf("none", 0)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r, nowhere, http.StatusNotFound, "unknown")
	other := &log.Checkin{Origin: "log.example/other", Run: "run-1", Sequence: 2, Anchor: anchor}
	if res, _ := send(t, http.MethodPost, r.Client.URL()+api.RouteStatements, seal(other, r.Members[0].Checkin)); res.StatusCode/100 != 4 {
		t.Errorf("a statement of another log got %d", res.StatusCode)
	}
	if n := submitted(ctx, t, r); n != before {
		t.Errorf("%d entries after the refusals, %d before", n, before)
	}

	// A halted run takes no check-in, whatever its number.
	if _, err := r.Client.SubmitFolded(ctx, vote); err != nil {
		t.Fatal(err)
	}
	if err := rig.Until(ctx, func() (bool, error) {
		run, err := r.Client.Run(ctx, "run-1")
		return err == nil && run.State == api.RunHalted, err
	}); err != nil {
		t.Fatal(err)
	}
	refused(t, r, seal(checkin, r.Members[0].Checkin), http.StatusConflict, "conflict")
	second, err := r.VoteLeaf("run-1", 0)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r, second, http.StatusConflict, "conflict")
	// A lease request gets the halt, and is not refused.
	request, err := r.LeaseRequest(ctx, "run-1", 1)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := r.Client.Lease(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := log.Parse(leaf); err != nil || s.Kind() != log.KindHalt {
		t.Errorf("after the halt a lease request got %s, %v", leaf, err)
	}
}

func stranger(t *testing.T) log.Signer {
	t.Helper()
	private, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	s, err := keys.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forgedRing is the vote with a signature of the right form by nobody.
func forgedRing(t *testing.T, leaf []byte) []byte {
	t.Helper()
	at := bytes.Index(leaf, []byte(`"sig":"`)) + len(`"sig":"`)
	end := at + bytes.IndexByte(leaf[at:], '"')
	sig, err := base64.StdEncoding.DecodeString(string(leaf[at:end]))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sig {
		if i%32 < 31 { // canonical scalars are below 2^252
			if _, err := rand.Read(sig[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return append(append(bytes.Clone(leaf[:at]), base64.StdEncoding.EncodeToString(sig)...), leaf[end:]...)
}

// TestNothingConfigured: a daemon without engine and evaluator says so.
func TestNothingConfigured(t *testing.T) {
	r, err := rig.Start(t.TempDir(), rig.Options{}, func(c *config.Config) { c.Engine.Key, c.Blacklist.Evaluator, c.Blacklist.Counts = "", "", "" })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	for _, route := range []string{api.RouteLeases, api.RouteEvaluate} {
		res, raw := send(t, http.MethodPost, r.Client.URL()+route, []byte("x"))
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(string(raw), "no-service") {
			t.Errorf("%s: %d %s", route, res.StatusCode, raw)
		}
	}
}

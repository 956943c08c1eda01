package evaluate

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/log"
)

const secret = "0123456789abcdef0123456789abcdef"

func service(t *testing.T, d Deps) *Service {
	t.Helper()
	tokens, err := ParseTokens(strings.NewReader("# labs\nlab-a " + secret + " 10\n"))
	if err != nil {
		t.Fatal(err)
	}
	d.Evaluators, d.Now, d.Logger = map[uint64]*voprf.Evaluator{1: voprf.NewEvaluator(voprf.GenerateKey())}, time.Now, obs.Discard()
	s, err := New(Config{Origin: "log.example/t", Tokens: tokens, Anonymous: 3, Period: time.Minute}, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request(t *testing.T, s *Service, n int) ([]byte, *voprf.Query) {
	t.Helper()
	inputs := make([][]byte, n)
	for i := range inputs {
		inputs[i] = []byte{byte(i)}
	}
	q, err := voprf.NewQuery(s.deps.Evaluators[1].Public(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return q.Requests()[0], q
}

func TestAnswer(t *testing.T) {
	s := service(t, Deps{})
	body, q := request(t, s, 3)
	answer, err := s.Answer("", 1, body)
	if err != nil {
		t.Fatal(err)
	}
	if labels, err := q.Labels([][]byte{answer}); err != nil || len(labels) != 3 {
		t.Errorf("got %d labels, %v", len(labels), err)
	}
	for _, c := range []struct {
		name    string
		token   string
		version uint64
		body    []byte
		want    error
	}{
		{"anonymous quota is used up", "", 1, body, ErrQuota},
		{"token is unknown", strings.Repeat("x", 32), 1, body, ErrToken},
		{"version is another", secret, 2, body, ErrVersion},
		{"body is cut", secret, 1, body[:40], ErrMalformed},
		{"body is empty", secret, 1, nil, ErrMalformed},
		{"quota would be passed", secret, 1, make([]byte, 32*11), ErrQuota},
	} {
		if _, err := s.Answer(c.token, c.version, c.body); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	if _, err := s.Answer(secret, 1, body); err != nil {
		t.Errorf("a client with a token: %v", err)
	}
}

// TestCounts shows that every period's count is logged, none twice, and that one the log refused is carried on.
func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := foldtest.NewKey(t, "evaluator")
		var counts []*log.Evaluations // read after the service ended
		var down atomic.Bool
		s := service(t, Deps{
			Signer: key, LastSequence: func() uint64 { return uint64(len(counts)) },
			Submit: func(_ context.Context, leaf []byte) (uint64, error) {
				if down.Load() {
					return 0, errors.New("down")
				}
				st, err := log.Parse(leaf)
				if err != nil {
					return 0, err
				}
				counts = append(counts, st.Statement.(*log.Evaluations))
				return 0, nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		ask := func(n int) {
			body, _ := request(t, s, n)
			if _, err := s.Answer("", 1, body); err != nil {
				t.Error(err)
			}
		}
		ask(3)
		time.Sleep(time.Minute + time.Second)
		down.Store(true)
		ask(2)
		time.Sleep(time.Minute)
		down.Store(false)
		ask(1) // the quota began again although the count was not logged
		time.Sleep(time.Minute)
		time.Sleep(time.Minute) // nothing to count
		ask(1)
		cancel()
		<-done
		var got []uint64
		for i, c := range counts {
			got = append(got, c.Elements)
			if c.Sequence != uint64(i+1) || c.Until < c.From {
				t.Errorf("count %d is %+v", i, c)
			}
		}
		if len(got) != 3 || got[0] != 3 || got[1] != 3 || got[2] != 1 {
			t.Errorf("logged %v", got)
		}
	})
}

func TestTokens(t *testing.T) {
	for _, bad := range []string{"a b", "a " + secret + " x", "a short 1", "a " + secret + " 1\nb " + secret + " 1", "a " + secret + " -1"} {
		if _, err := ParseTokens(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("a " + secret + " 1\n")
	f.Fuzz(func(t *testing.T, s string) {
		tokens, err := ParseTokens(strings.NewReader(s))
		if err != nil && tokens != nil {
			t.Error("tokens beside an error")
		}
	})
}

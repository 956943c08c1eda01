package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func none(string) (string, bool) { return "", false }

func TestDefaults(t *testing.T) {
	c, err := Load(nil, none, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTP.Listen != "127.0.0.1:8480" || c.Log.BatchAge != 2*time.Millisecond || c.Log.WitnessURL == nil {
		t.Errorf("defaults are %+v", c)
	}
}

func TestPrecedence(t *testing.T) {
	file := "[log]\nbatch_size = 10\nmax_lag = 1000\n[http]\ntimeout = \"5s\"\n"
	environment := map[string]string{"HALTLOG_LOG_MAX_LAG": "2000", "HALTLOG_LOG_BATCH_SIZE": "20"}
	c, err := Load(strings.NewReader(file), func(k string) (string, bool) { v, ok := environment[k]; return v, ok }, []string{"log.batch_size=30"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.BatchSize != 30 || c.Log.MaxLag != 2000 || c.HTTP.Timeout != 5*time.Second {
		t.Errorf("got %+v", c)
	}
}

// TestAllProblems shows that an operator sees everything that is wrong at once.
func TestAllProblems(t *testing.T) {
	file := "[log]\nbatch_size = 0\nbath_age = \"2ms\"\n[http]\ntimeout = \"1h\"\n[nothing]\nx = 1\n"
	_, err := Load(strings.NewReader(file), func(k string) (string, bool) { return "x", k == "HALTLOG_LOG_MAX_LAG" }, []string{"log.no=1", "what"})
	if !errors.Is(err, ErrInvalid) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"log.batch_size: 0 is below 1", "log.bath_age: no such field", "http.timeout: 1h0m0s is above 10m", "nothing", "HALTLOG_LOG_MAX_LAG", "log.no: no such field", "--set what"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q:\n%v", want, err)
		}
	}
}

func TestDamagedFile(t *testing.T) {
	for _, file := range []string{"[log", "[log]\nbatch_size = \"many\"", "[log]\nbatch_size = 1\nbatch_size = 2", "\x00", strings.Repeat("#", maxFile+1)} {
		if _, err := Load(strings.NewReader(file), none, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.40q: got %v", file, err)
		}
	}
}

// TestFieldsAreWhole refuses a field that the documentation could not describe.
func TestFieldsAreWhole(t *testing.T) {
	for _, f := range Fields() {
		if f.Doc == "" || strings.HasSuffix(f.Name, ".") || (f.Min == "") != (f.Max == "") || (f.Min != "" && f.Unit == "") {
			t.Errorf("%+v is not whole", f)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("[log]\nbatch_size = 1\n")
	f.Add("[http]\nlisten = \"x\"\n")
	f.Add("[[log]]\n")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Load(strings.NewReader(s), none, nil)
		if (c == nil) == (err == nil) {
			t.Errorf("got %v and %v", c, err)
		}
	})
}

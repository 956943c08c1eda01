package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
)

// TestShownAsItStands: what is signed is shown in the order in which it stands, whatever it asks of a terminal.
func TestShownAsItStands(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	st := &log.Freeze{Origin: l.Origin, Reason: "ab\u202e\u2066cd"}
	r, err := officer.NewRequest(st, l.Machine.Ledger().Genesis().Keys, 2)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := explain(&b, r); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.ContainsAny(s, "\u202e\u2066") || !strings.Contains(s, "ab<U+202E><U+2066>cd") {
		t.Errorf("%q", s)
	}
}

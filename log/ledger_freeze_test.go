package log_test

import (
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// A log is frozen by its officers' threshold, once, in a statement that names
// its successor and has a receipt like any other; then nothing new begins in
// it, and what ends the runs that it holds is still taken.
func TestFreeze(t *testing.T) {
	t.Attr("invariant", "L8")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run(run)
	l.Anchor()
	l.Decide(l.Engines[0])
	freeze := &log.Freeze{Origin: l.Origin, Successor: "log.example/next", Reason: "the year is over"}
	want(t, l.Put(freeze, l.Engines[0]), log.Void, "")
	want(t, l.Put(freeze, l.Officers[0]), log.Void, "threshold")
	step := l.Must(freeze, l.Threshold()...)
	if !l.Machine.Ledger().Frozen() {
		t.Fatal("not frozen")
	}

	var tree checkpoint.Tree
	for _, leaf := range l.Leaves {
		if err := tree.Append(leaf); err != nil {
			t.Fatal(err)
		}
	}
	path, err := tree.Inclusion(step.Index, l.Size())
	if err != nil {
		t.Fatal(err)
	}
	proof := checkpoint.Proof{Index: step.Index, Hashes: path, Checkpoint: l.Checkpoint(l.Size())}
	r, err := log.VerifyReceipt([]byte(l.QuorumText(l.Options.Quorum, l.Witnesses...)), step.Signed.Leaf, proof.Format())
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := r.Signed.Statement.(*log.Freeze); !ok || f.Successor != freeze.Successor || r.Earliest.IsZero() {
		t.Errorf("receipt %+v", r)
	}

	again := *freeze
	again.Successor = "log.example/other"
	want(t, l.Put(&again, l.Threshold()...), log.Void, "")
	want(t, l.Put(l.RunStatement("later"), l.Registrar), log.Void, "frozen")
	next := l.GroupStatement(l.Members...)
	next.Name = "later"
	want(t, l.Put(next, l.Threshold()...), log.Void, "frozen")

	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	if r, _ := l.Machine.Ledger().Run(run); !r.Halted {
		t.Error("a frozen log kept a run from being halted")
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/guardian"
	"github.com/haltlog/haltlog/log"
)

// reporter prints events: one JSON document a line on standard output, or sentences on standard error.
func reporter(e *env) func(guardian.Event) {
	if e.json {
		enc := json.NewEncoder(e.stdout)
		enc.SetEscapeHTML(false)
		return func(ev guardian.Event) { _ = enc.Encode(ev) } // nobody reads any more if this fails
	}
	leases := 0
	return func(ev guardian.Event) {
		if ev.Event == guardian.EventLease {
			if leases++; leases > 1 {
				return // renewals go without saying
			}
		}
		sentence(e.stderr, ev)
	}
}

func sentence(w io.Writer, ev guardian.Event) {
	at := time.UnixMilli(ev.WallMS).UTC().Format("15:04:05.000")
	s := ""
	switch ev.Event {
	case guardian.EventReady:
		s = "log and run are verified, asking for leases"
	case guardian.EventLease:
		s = fmt.Sprintf("first lease, of %d ms, from engine %.12s", ev.DurationMS, ev.Engine)
	case guardian.EventStarted:
		s = fmt.Sprintf("command runs as pid %d, held by %s (%s)", ev.Pid, ev.Mode, ev.Strength)
	case guardian.EventHalt:
		s = "halt of the run is verified: " + strings.Join(ev.Causes, ", ")
	case guardian.EventVote:
		s = "live vote against the run is verified"
	case guardian.EventDead:
		s = fmt.Sprintf("run is dead %.1f ms after the order (%s): %s", float64(ev.BootNS-ev.OrderedBootNS)/1e6, ev.Cause, ev.Evidence)
	case guardian.EventUnconfirmed:
		s = "kill is unconfirmed: " + ev.Cause
	case guardian.EventEnded:
		s = "command ended by itself: " + ev.Evidence
	case guardian.EventLogged:
		if ev.Kind == string(log.KindHeartbeat) {
			return
		}
		s = fmt.Sprintf("the log took the %s as entry %d", ev.Kind, *ev.Index)
	case guardian.EventRefused:
		s = fmt.Sprintf("the log refused the %s: %s", ev.Kind, ev.Error)
	case guardian.EventOver:
		s = fmt.Sprintf("over, %d statements left", ev.Left)
	default:
		return
	}
	fmt.Fprintf(w, "%s %s: %s\n", at, ev.Run, s)
}

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"

	"github.com/haltlog/haltlog/internal/api"
)

// route is a row of the HTTP interface.
type route struct{ method, path, says string }

// routes describes every route of package api.
func routes() []route {
	return []route{
		{"GET", api.RouteCheckpoint, "the published checkpoint with its cosignatures (tlog-tiles)"},
		{"GET", api.RouteTile, "tiles and entry bundles (tlog-tiles)"},
		{"POST", api.RouteStatements, "an envelope. 201 with the index once it is durable, 200 with the first index for a repeat; `?wait=folded` adds validity and decision, `?wait=witnessed` answers with the tlog-proof"},
		{"GET", api.RouteGenesis, "the bytes of entry 0"},
		{"GET", api.RouteQuorum, "the quorum in force, as tlog-policy"},
		{"GET", api.RouteAnchor, "the newest valid anchor: index, size, root, checkpoint"},
		{"GET", api.RouteEntries, "entries by `run`, `kind`, log time (`since`, `until`) and index (`from`), in pages (`limit`, `cursor`)"},
		{"GET", api.RouteEntry, "one entry, with what became of it"},
		{"GET", api.RouteEntryProof, "its receipt (tlog-proof)"},
		{"GET", api.RouteRuns, "all runs"},
		{"GET", api.RouteRun, "where a run stands"},
		{"GET", api.RouteRunWhy, "one sentence: why it ended"},
		{"GET", api.RouteRunMember, "how a member stands: next due, last counted, misses of the group"},
		{"GET", api.RouteRunEvents, "server-sent events: `halt` (the engine's envelope, before it is logged), `vote` (a live vote whose ring the daemon verified, before it is logged and again after), `entry`"},
		{"GET", api.RouteGroup, "the leaf of a group statement, by its hash in hex"},
		{"GET", api.RoutePolicies, "a `chain`'s policies"},
		{"POST", api.RouteLeases, "a lease request's envelope; answers with the lease's, or the halt's"},
		{"POST", api.RouteEvaluate, "blinded elements for key `version`, with a bearer token or from the anonymous quota"},
		{"GET", api.RouteEpoch, "the newest valid epoch's entry"},
		{"GET", api.RouteFull, "the full list of a part"},
		{"GET", api.RouteFullWhole, "the full list of a kind that is not split"},
		{"GET", api.RouteHead, "the newest witnessed epoch: number, entries with their receipts, and where the authority statements before it stand"},
		{"GET", api.RouteHeadOf, "the same of any epoch, by its number"},
		{"GET", api.RouteObject, "what an epoch commits to, by its SHA-256 in hex behind the first two digits: of the newest epoch all, of earlier ones the deltas; it never changes"},
		{"GET", api.RouteBucket, "every scalar of a part that begins with `bucket`, a number of `bits` bits, with one proof, in the same number of bytes for each; `-` for the empty prefix"},
		{"GET", api.RouteLabelProof, "the proof that a label (hex) is in its part, or is not"},
		{"GET", api.RouteListing, "what is known of a label: absent, listed, contested, struck"},
		{"GET", api.RouteHealth, "the process lives"},
		{"GET", api.RouteReady, "it serves everything"},
		{"GET", api.RouteMetrics, "figures, at an address of their own"},
	}
}

// routesBlock is the table, held against package api's source: none is missing.
func (x *examples) routesBlock() (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(x.root, "internal", "api", "api.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	known := map[string]bool{}
	var cells [][]string
	for _, r := range routes() {
		known[r.path] = true
		path := r.path
		if r.path == api.RouteTile {
			path += "…"
		}
		cells = append(cells, []string{r.method, "`" + path + "`", r.says})
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(v.Names[0].Name, "Route") || len(v.Values) != 1 {
				continue
			}
			if path, ok := literal(v.Values[0]); ok && !known[path] {
				return "", fmt.Errorf("route %s is not described", path)
			}
		}
	}
	var b strings.Builder
	table(&b, []string{"method", "path", "is"}, cells)
	return b.String(), nil
}

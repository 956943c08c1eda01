package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/clearing"
)

// isClearance looks at how a file begins.
func isClearance(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 {
		return false, nil // the other readers say what is wrong with it
	}
	return clearing.Is(head[:n]), nil
}

// clearance verifies a clearance against the list.
func (c *VerifyCmd) clearance(e *env, path string) error {
	genesis, quorum, err := pins(c.Genesis, c.Quorum)
	if err != nil {
		return err
	}
	if genesis == nil {
		return usage("%s: a clearance is verified for a log that you know: --genesis", path)
	}
	d, err := parseBig(path, clearing.Parse)
	if err != nil {
		return err
	}
	var list *clearing.Folder
	if c.List != "" {
		if list, err = clearing.OpenFolder(c.List); err != nil {
			return err
		}
	}
	source, err := c.source(list)
	if err != nil {
		return err
	}
	v, err := clearing.Verify(e.ctx, d, clearing.Trust{Genesis: *genesis, Quorum: quorum}, source)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	out := verified{File: path, Kind: "clearance", Text: d.Says, Whole: true}
	var versions []string
	for _, x := range v.Versions {
		versions = append(versions, fmt.Sprint(x))
	}
	out.Facts = []string{
		fmt.Sprintf("%s form: fingerprints of kinds %s, under key version %s", d.Form, kindsOf(v.Kinds), strings.Join(versions, ", ")),
		fmt.Sprintf("none of them is among the %d labels of those kinds in epoch %d of %s, at log size %d", v.Labels, v.Number, v.Origin, v.Size),
		fmt.Sprintf("the epoch was witnessed by %s", time.Unix(int64(v.Witnessed), 0).UTC().Format(time.RFC3339)),
	}
	if len(v.Chain) > 1 {
		out.Facts = append(out.Facts, fmt.Sprintf("in %d steps, each from the list of the one before: log sizes %s", len(v.Chain), strings.Trim(fmt.Sprint(v.Chain), "[]")))
	}
	out.Facts = append(out.Facts, d.Says)
	return e.print(out, func(w io.Writer) error {
		out.Text = ""
		return printVerified(w, out)
	})
}

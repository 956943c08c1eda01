// Command lone is the peer of a lone statement's way to its checkpoint: Tessera
// over its POSIX driver with its own witnessing, and nothing in front of it. For
// each line on standard input it appends one entry, waits until a published
// checkpoint covers it, and prints how long that took, in microseconds.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// The shortest interval and batch age that Tessera takes, and how often its
// checkpoint file is looked at.
const (
	interval = 100 * time.Millisecond
	batchAge = time.Millisecond
	poll     = 200 * time.Microsecond
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "lone:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir := flag.String("dir", "", "folder of the log")
	key := flag.String("key", "", "file with the log's key")
	policy := flag.String("policy", "", "file with the tlog-policy that names the witnesses")
	flag.Parse()
	skey, err := os.ReadFile(*key)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(string(skey))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(*policy)
	if err != nil {
		return err
	}
	witnesses, err := tessera.NewWitnessGroupFromPolicy(text)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: *dir})
	if err != nil {
		return err
	}
	opts := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithCheckpointInterval(interval).
		WithBatching(1, batchAge).WithWitnesses(witnesses, &tessera.WitnessOptions{})
	appender, _, reader, err := tessera.NewAppender(ctx, driver, opts)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for n := 0; lines.Scan(); n++ {
		began := time.Now()
		index, err := appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "entry %d of %d bytes", n, began.UnixNano())))()
		if err != nil {
			return err
		}
		if err := published(ctx, reader, index.Index); err != nil {
			return err
		}
		fmt.Println(time.Since(began).Microseconds())
	}
	return lines.Err()
}

// published waits for a checkpoint that covers an index.
func published(ctx context.Context, r tessera.LogReader, index uint64) error {
	for {
		cp, err := r.ReadCheckpoint(ctx)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if lines := bytes.SplitN(cp, []byte("\n"), 3); len(lines) == 3 {
			size, err := strconv.ParseUint(string(lines[1]), 10, 64)
			if err != nil {
				return err
			}
			if size > index {
				return nil
			}
		}
		time.Sleep(poll)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

// Logs are kept in the witness's own store, one value per origin: its vkeys,
// one a line.
const logPrefix = "log\n"

type addLogCmd struct {
	DB     string `required:"" type:"path" name:"db" help:"Database of the witness; made if missing."`
	Origin string `help:"Origin line of the log, where it is not the key's name."`
	VKey   string `arg:"" name:"vkey" help:"Public key of the log."`
}

func (c *addLogCmd) Run(e *env) (err error) {
	k, err := checkpoint.ParseVKey(c.VKey)
	if err != nil {
		return err
	}
	if k.Type == checkpoint.TypeEd25519Cosignature {
		return fmt.Errorf("vkey: type 0x%02x is a witness's key, not a log's", k.Type)
	}
	origin := c.Origin
	if origin == "" {
		origin = k.Name
	}
	if _, err := checkpoint.ParseCheckpoint((checkpoint.Checkpoint{Origin: origin}).String()); err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	s, err := boltstore.Open(c.DB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	old, err := s.Load(e.ctx, logPrefix+origin)
	if err != nil && !errors.Is(err, witness.ErrNotFound) {
		return err
	}
	if slices.Contains(strings.Split(string(old), "\n"), k.String()) {
		_, err = fmt.Fprintf(e.stdout, "known %s\n", origin)
		return err
	}
	if err := s.Swap(e.ctx, logPrefix+origin, old, fmt.Appendf(nil, "%s%s\n", old, k)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "added %s\n", origin)
	return err
}

type logsCmd struct {
	DB     string `required:"" type:"existingfile" name:"db" help:"Database of the witness."`
	Output string `default:"text" enum:"text,json" help:"Output format: ${enum}."`
}

func (c *logsCmd) Run(e *env) (err error) {
	s, err := boltstore.Open(c.DB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	logs, err := readLogs(e, s)
	if err != nil {
		return err
	}
	type row struct {
		Origin   string   `json:"origin"`
		Hash     string   `json:"hash"`
		Keys     []string `json:"keys"`
		Cosigned bool     `json:"cosigned"`
		Size     uint64   `json:"size"`
	}
	rows := []row{}
	for _, l := range logs {
		r := row{Origin: l.Origin, Hash: witness.OriginHash(l.Origin)}
		for _, k := range l.Keys {
			r.Keys = append(r.Keys, k.String())
		}
		c, err := witness.Stored(e.ctx, s, l.Origin)
		if err != nil && !errors.Is(err, witness.ErrNeverCosigned) {
			return fmt.Errorf("log %s: %w", l.Origin, err)
		}
		r.Cosigned, r.Size = err == nil, c.Size
		rows = append(rows, r)
	}
	if c.Output == "json" {
		return json.NewEncoder(e.stdout).Encode(rows)
	}
	for _, r := range rows {
		size := "never cosigned"
		if r.Cosigned {
			size = fmt.Sprintf("size %d", r.Size)
		}
		if _, err := fmt.Fprintf(e.stdout, "%s\t%s\t%d keys\n", r.Origin, size, len(r.Keys)); err != nil {
			return err
		}
	}
	return nil
}

// readLogs reads the configured logs.
func readLogs(e *env, s *boltstore.Store) ([]witness.Log, error) {
	keys, err := s.Keys(logPrefix)
	if err != nil {
		return nil, err
	}
	var logs []witness.Log
	for _, k := range keys {
		v, err := s.Load(e.ctx, k)
		if err != nil {
			return nil, err
		}
		l := witness.Log{Origin: strings.TrimPrefix(k, logPrefix)}
		for line := range strings.Lines(string(v)) {
			vk, err := checkpoint.ParseVKey(strings.TrimSuffix(line, "\n"))
			if err != nil {
				return nil, fmt.Errorf("log %s: %w", l.Origin, err)
			}
			l.Keys = append(l.Keys, vk)
		}
		logs = append(logs, l)
	}
	return logs, nil
}

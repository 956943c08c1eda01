package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Record is what keeper or reaper leaves on disk about a stop, before anybody signed it. It becomes an actuation
// statement through Signer once a guard with the key looks at it.
type Record struct {
	Run      string   `json:"run"`
	By       string   `json:"by"` // "keeper" or "reaper"
	Cause    Cause    `json:"cause"`
	Evidence Evidence `json:"evidence"`
}

var errRecord = errors.New("malformed record")

func (r Record) encode() ([]byte, error) { return json.Marshal(r) }

// parseRecord refuses what encode would not print.
func parseRecord(b []byte) (Record, error) {
	if len(b) > maxMessage {
		return Record{}, fmt.Errorf("%w: %d bytes", errRecord, len(b))
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	again, err := r.encode()
	if err != nil || !bytes.Equal(again, b) {
		return Record{}, fmt.Errorf("%w: not canonical", errRecord)
	}
	return r, nil
}

// recordSuffix names records; the name is the content's hash, so that writing one twice is harmless.
const recordSuffix = ".record"

func writeRecord(dir string, r Record) error {
	b, err := r.encode()
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("%w: %d bytes", errRecord, len(b))
	}
	sum := sha256.Sum256(b)
	return writeDurable(dir, hex.EncodeToString(sum[:])+recordSuffix, b)
}

// namedRecord is a record and the file that holds it.
type namedRecord struct {
	name   string
	record Record
}

// readRecords lists the records in the order of their observation on the wall clock. What cannot be read is returned
// as an error beside the rest: one damaged file must not hide the others.
func readRecords(dir string) ([]namedRecord, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []namedRecord
	var errs []error
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), recordSuffix) {
			continue
		}
		b, err := readBounded(filepath.Join(dir, e.Name()), maxMessage)
		if err == nil {
			var r Record
			if r, err = parseRecord(b); err == nil {
				out = append(out, namedRecord{e.Name(), r})
				continue
			}
		}
		errs = append(errs, fmt.Errorf("read %s: %w", e.Name(), err))
	}
	sort.SliceStable(out, func(i, j int) bool {
		return out[i].record.Evidence.Observed.Wall.Before(out[j].record.Evidence.Observed.Wall)
	})
	return out, errors.Join(errs...)
}

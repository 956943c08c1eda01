package guard

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/internal/durable"
)

// makeDir makes a private directory and makes its name durable.
func makeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

// writeDurable replaces dir/name by b, for its owner only.
func writeDurable(dir, name string, b []byte) error {
	if err := durable.Replace(filepath.Join(dir, name), b, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

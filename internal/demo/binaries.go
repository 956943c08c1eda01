package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Binaries are the programs that the demo starts.
type Binaries struct {
	Haltlogd    string `json:"haltlogd"`
	Haltlog     string `json:"haltlog"`
	Haltwitness string `json:"haltwitness"`
	Built       bool   `json:"built"` // from a checkout, just now
}

// module is what go.mod of a checkout begins with.
const module = "module github.com/haltlog/haltlog\n"

// errNoBinaries says what to do.
var errNoBinaries = errors.New("haltlog and haltwitness are not beside haltlogd, and this is no checkout to build them from")

// findBinaries takes the programs beside this one; in a checkout, whose root
// building is told, it builds them into dir. The trained program runs under
// another uid, so that haltlogd, which it is, lies where everybody can reach it: in
// dir.
func findBinaries(ctx context.Context, dir string, building func(root string)) (Binaries, error) {
	self, err := os.Executable()
	if err != nil {
		return Binaries{}, err
	}
	b := Binaries{Haltlogd: filepath.Join(dir, "haltlogd"), Haltlog: filepath.Join(dir, "haltlog"), Haltwitness: filepath.Join(dir, "haltwitness")}
	beside := filepath.Dir(self)
	installed := true
	for _, name := range []string{"haltlog", "haltwitness"} {
		if _, err := os.Stat(filepath.Join(beside, name)); err != nil {
			installed = false
		}
	}
	if installed {
		b.Haltlog, b.Haltwitness = filepath.Join(beside, "haltlog"), filepath.Join(beside, "haltwitness")
		return b, copyProgram(self, b.Haltlogd)
	}
	root, err := checkout()
	if err != nil {
		return Binaries{}, err
	}
	b.Built = true
	building(root)
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "./cmd/haltlogd", "./cmd/haltlog", "./cmd/haltwitness")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return Binaries{}, fmt.Errorf("build in %s: %w\n%s", root, err, bytes.TrimSpace(out))
	}
	return b, nil
}

// checkout is the root of the checkout that the working directory lies in.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(b, []byte(module)) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errNoBinaries
		}
		dir = up
	}
}

func copyProgram(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

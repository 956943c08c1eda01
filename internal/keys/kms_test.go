package keys_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

// TestMain makes this binary a KMS provider when it is run under the name of
// one: the plugin protocol runs over a real process.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "sigstore-kms-") {
		if err := provide(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// fileKMS is a provider whose resource is the path of a key file.
type fileKMS struct{ signature.SignerVerifier }

func (fileKMS) CreateKey(context.Context, string) (crypto.PublicKey, error) {
	return nil, errors.ErrUnsupported
}

func (fileKMS) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, errors.ErrUnsupported
}
func (fileKMS) SupportedAlgorithms() []string { return nil }
func (fileKMS) DefaultAlgorithm() string      { return "" }

func provide() error {
	args, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		return err
	}
	key, err := keys.LoadPrivate(args.InitOptions.KeyResourceID)
	if err != nil {
		return handler.WriteErrorResponse(os.Stdout, err)
	}
	// A KMS that says one key and signs with another.
	if strings.HasSuffix(os.Args[0], "liar") && args.MethodName == "signMessage" {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return err
		}
	}
	sv, err := signature.LoadSignerVerifier(key, args.InitOptions.HashFunc)
	if err != nil {
		return err
	}
	_, err = handler.Dispatch(os.Stdout, os.Stdin, args, fileKMS{sv})
	return err
}

func TestKMS(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "liar"} {
		if err := os.Symlink(self, filepath.Join(dir, "sigstore-kms-"+name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	path := filepath.Join(dir, "key.pem")
	k, err := keys.Generate(keys.P256)
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.MarshalPrivate(k)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Create(path, text); err != nil {
		t.Fatal(err)
	}
	direct, err := keys.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := keys.Open(t.Context(), "file://"+path)
	if err != nil {
		t.Fatal(err)
	}
	if s.KeyID() != direct.KeyID() {
		t.Errorf("key ID %s, want %s", s.KeyID(), direct.KeyID())
	}
	for range 8 { // the provider makes high and low s alike
		sig, err := s.Sign([]byte("message"))
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Verify(direct.SPKI(), []byte("message"), sig); err != nil {
			t.Error(err)
		}
	}
	liar, err := keys.Open(t.Context(), "liar://"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := liar.Sign([]byte("message")); !errors.Is(err, keys.ErrSignature) {
		t.Errorf("another key's signature: %v", err)
	}
	if _, err := keys.Open(t.Context(), "file://"+path+".none"); err == nil {
		t.Error("a key that is not there")
	}
	if _, err := keys.Open(t.Context(), "nobody://x"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a provider that is not there: %v", err)
	}
}

package checkpoint_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// keyPair is a signer with its public key, made from a fixed seed so that
// failures repeat.
type keyPair struct {
	skey, vkey string
	signer     checkpoint.Signer
}

func newKey(t testing.TB, typ byte, name string, seed byte) keyPair {
	t.Helper()
	skey, vkey, err := checkpoint.GenerateKey(typ, name, bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.ParseSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{skey, vkey, s}
}

func (k keyPair) sign(t testing.TB, c checkpoint.Checkpoint, time uint64) string {
	t.Helper()
	l, err := k.signer.Sign(c, time)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const testOrigin = "log.example/behind-the-sofa"

func testCheckpoint(size uint64) checkpoint.Checkpoint {
	return checkpoint.Checkpoint{Origin: testOrigin, Size: size, Root: checkpoint.LeafHash([]byte("root"))}
}

func wantErr(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got %v, want %v", err, target)
	}
}

func TestCheckpointRefuses(t *testing.T) {
	good := "log.example/a\n17\n" + checkpoint.FormatHash(checkpoint.EmptyRoot()) + "\n"
	if c, err := checkpoint.ParseCheckpoint(good); err != nil || c.String() != good {
		t.Fatalf("%q, %v", c, err)
	}
	// One thing is wrong with each.
	for name, body := range map[string]string{
		"empty":              "",
		"no final newline":   strings.TrimSuffix(good, "\n"),
		"two lines":          "log.example/a\n17\n",
		"empty origin":       strings.Replace(good, "log.example/a", "", 1),
		"long origin":        strings.Replace(good, "log.example/a", strings.Repeat("a", 256), 1),
		"leading zero":       strings.Replace(good, "17", "017", 1),
		"zero twice":         strings.Replace(good, "17", "00", 1),
		"plus sign":          strings.Replace(good, "17", "+17", 1),
		"minus sign":         strings.Replace(good, "17", "-17", 1),
		"space before size":  strings.Replace(good, "17", " 17", 1),
		"size 2^63":          strings.Replace(good, "17", "9223372036854775808", 1),
		"not a number":       strings.Replace(good, "17", "0x11", 1),
		"CRLF":               strings.ReplaceAll(good, "\n", "\r\n"),
		"tab":                strings.Replace(good, "log.example/a", "log\texample", 1),
		"not UTF-8":          strings.Replace(good, "log.example/a", "log\xff", 1),
		"root of 31 bytes":   "log.example/a\n17\n" + strings.Repeat("A", 42) + "==\n",
		"root of 33 bytes":   "log.example/a\n17\n" + strings.Repeat("A", 44) + "\n",
		"root unpadded":      strings.Replace(good, "=\n", "\n", 1),
		"root with tail bit": strings.Replace(good, "FU=", "FV=", 1),
		"root in URL base64": strings.Replace(good, "/", "_", 2),
		"empty extension":    good + "\n",
		"inner empty line":   good + "\nx\n",
	} {
		t.Run(name, func(t *testing.T) {
			if body == good {
				t.Fatal("the case changes nothing")
			}
			_, err := checkpoint.ParseCheckpoint(body)
			wantErr(t, err, checkpoint.ErrMalformed)
		})
	}
}

func TestNoteRefuses(t *testing.T) {
	k := newKey(t, checkpoint.TypeEd25519, testOrigin, 1)
	c := testCheckpoint(5)
	line := k.sign(t, c, 0)
	good := c.String() + "\n" + line
	n, err := checkpoint.ParseNote([]byte(good))
	if err != nil || string(n.Bytes()) != good {
		t.Fatalf("%v", err)
	}
	for name, msg := range map[string]string{
		"no signature":         c.String() + "\n",
		"no blank line":        c.String() + line,
		"no final newline":     strings.TrimSuffix(good, "\n"),
		"hyphen":               strings.Replace(good, "\u2014", "-", 1),
		"no space after dash":  strings.Replace(good, "\u2014 ", "\u2014", 1),
		"two spaces":           strings.Replace(good, "\u2014 ", "\u2014  ", 1),
		"plus in name":         strings.Replace(good, "\u2014 log", "\u2014 l+g", 1),
		"no-break space":       strings.Replace(good, "\u2014 log", "\u2014 l\u00a0g", 1),
		"trailing space":       strings.TrimSuffix(good, "\n") + " \n",
		"unpadded":             strings.Replace(good, "=\n", "\n", -1),
		"only a key ID":        c.String() + "\n\u2014 a AAAAAA==\n",
		"carriage return":      strings.TrimSuffix(good, "\n") + "\r\n",
		"NUL":                  "\x00" + good,
		"not UTF-8":            "\xc3" + good,
		"too many signatures":  c.String() + "\n" + strings.Repeat(line, checkpoint.MaxSignatures+1),
		"longer than the rule": strings.Repeat("a", checkpoint.MaxNote) + good,
	} {
		t.Run(name, func(t *testing.T) {
			if msg == good {
				t.Fatal("the case changes nothing")
			}
			_, err := checkpoint.ParseNote([]byte(msg))
			wantErr(t, err, checkpoint.ErrMalformed)
		})
	}
	// signed-note: verifiers "MUST accept at least up to 16 signatures".
	if _, err := checkpoint.ParseNote([]byte(c.String() + "\n" + strings.Repeat(line, 16))); err != nil {
		t.Fatal(err)
	}
}

func TestVKeyRefuses(t *testing.T) {
	good := newKey(t, checkpoint.TypeEd25519Cosignature, "witness.example/w", 2).vkey
	name, rest, _ := strings.Cut(good, "+")
	id, key, _ := strings.Cut(rest, "+")
	withKey := func(raw []byte) string {
		// The ID is wrong too, but the key is refused before it is looked at.
		return "w+00000000+" + b64(raw)
	}
	for n, c := range map[string]struct {
		vkey string
		err  error
	}{
		"empty":              {"", checkpoint.ErrMalformed},
		"no key":             {name + "+" + id, checkpoint.ErrMalformed},
		"empty key":          {name + "+" + id + "+", checkpoint.ErrMalformed},
		"empty name":         {"+" + id + "+" + key, checkpoint.ErrMalformed},
		"another name":       {"witness.example/x+" + id + "+" + key, checkpoint.ErrMalformed},
		"upper-case ID":      {name + "+" + strings.ToUpper(id) + "+" + key, checkpoint.ErrMalformed},
		"short ID":           {name + "+" + id[1:] + "+" + key, checkpoint.ErrMalformed},
		"line break":         {good + "\n", checkpoint.ErrMalformed},
		"space in name":      {"a b+" + id + "+" + key, checkpoint.ErrMalformed},
		"long":               {good + strings.Repeat("A", 4<<10), checkpoint.ErrMalformed},
		"unknown type":       {withKey(append([]byte{0x02}, make([]byte, 32)...)), checkpoint.ErrKey},
		"short Ed25519":      {withKey(append([]byte{0x01}, make([]byte, 31)...)), checkpoint.ErrKey},
		"short ML-DSA":       {withKey(append([]byte{0x06}, make([]byte, 1311)...)), checkpoint.ErrKey},
		"small order 4":      {withKey(append([]byte{0x01}, make([]byte, 32)...)), checkpoint.ErrKey},
		"identity":           {withKey(append([]byte{0x01, 1}, make([]byte, 31)...)), checkpoint.ErrKey},
		"y not below p":      {withKey(append([]byte{0x01, 0xee}, append(bytes.Repeat([]byte{0xff}, 30), 0x7f)...)), checkpoint.ErrKey},
		"y not below p, odd": {withKey(append([]byte{0x04, 0xff}, bytes.Repeat([]byte{0xff}, 31)...)), checkpoint.ErrKey},
	} {
		t.Run(n, func(t *testing.T) {
			_, err := checkpoint.ParseVKey(c.vkey)
			wantErr(t, err, c.err)
		})
	}
	// A key in use for years, from the Go checksum database.
	const sumdb = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
	if k, err := checkpoint.ParseVKey(sumdb); err != nil || k.String() != sumdb {
		t.Fatalf("%v %v", k, err)
	}
}

func TestSignerRefuses(t *testing.T) {
	good := newKey(t, checkpoint.TypeMLDSA44Cosignature, "w", 3).skey
	for n, s := range map[string]string{
		"empty":        "",
		"public key":   newKey(t, checkpoint.TypeEd25519, "w", 3).vkey,
		"another name": strings.Replace(good, "+w+", "+v+", 1),
		"cut off":      good[:len(good)-4],
		"new line":     good + "\n",
		"long":         good + strings.Repeat("A", 4<<10),
		"type 02":      "PRIVATE+KEY+w+00000000+" + b64(append([]byte{2}, make([]byte, 32)...)),
	} {
		t.Run(n, func(t *testing.T) {
			_, err := checkpoint.ParseSigner(s)
			wantErr(t, err, checkpoint.ErrKey)
			if err != nil && len(s) > 60 && strings.Contains(err.Error(), s[40:60]) {
				t.Fatal("the error quotes the private key")
			}
		})
	}
	k := newKey(t, checkpoint.TypeEd25519, testOrigin, 3)
	bad := testCheckpoint(3)
	bad.Origin = "two\nlines"
	if _, err := k.signer.Sign(bad, 0); err == nil {
		t.Fatal("signed an origin with a line break")
	}
	bad = testCheckpoint(3)
	bad.Extensions = []string{""}
	if _, err := k.signer.Sign(bad, 0); err == nil {
		t.Fatal("signed an empty extension line")
	}
	w := newKey(t, checkpoint.TypeEd25519Cosignature, "w", 3)
	if _, err := w.signer.Sign(testCheckpoint(3), 1<<63); err == nil {
		t.Fatal("signed a time beyond 2^63 - 1")
	}
}

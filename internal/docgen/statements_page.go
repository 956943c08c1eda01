package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/haltlog/haltlog/log"
)

// golden reads the recorded sample of a kind.
func golden(root string, k log.Kind) (*log.Signed, error) {
	raw, err := os.ReadFile(filepath.Join(root, "log", "testdata", "golden", string(k)+".json"))
	if err != nil {
		return nil, err
	}
	if i, ok := log.Info(k); ok && i.Lane == log.LaneOff {
		return log.ParseMessage(raw)
	}
	return log.Parse(raw)
}

func signers(i log.KindInfo) string {
	roles := make([]string, len(i.Roles))
	for j, r := range i.Roles {
		roles[j] = string(r)
	}
	switch who := strings.Join(roles, " or "); i.Signing {
	case log.SignedThreshold:
		return "exactly the threshold of " + who + "s"
	case log.SignedRing:
		return "one ring signature of the run's group"
	case log.SignedNobody:
		return "nobody: it proves itself"
	case log.SignedWhole:
		return "one key that also signs the whole"
	default:
		return "one " + who
	}
}

// statementsPage lists all kinds, each with its payload and a golden example.
func statementsPage(root string) (string, error) {
	structs, err := parseStructs(filepath.Join(root, "log"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Statements\n\n" +
		"The kinds of payload, from the table in `log/kinds.go`. A payload's type is `application/vnd.haltlog.<kind>.v1+json`. What\n" +
		"voids every kind alike stands in [protocol.md](protocol.md#validity). The lane is the way through admission: *halt* overtakes,\n" +
		"*bulk* waits, *off* is never logged. `approval`, `reading` and groups drawn by lot are refused by name.\n\n")
	var rows [][]string
	for _, i := range log.Kinds() {
		parts := "no"
		if i.Parts {
			parts = "yes"
		}
		rows = append(rows, []string{fmt.Sprintf("[`%s`](#%s)", i.Kind, i.Kind), signers(i), i.Replay, string(i.Lane), parts, i.Says})
	}
	table(&b, []string{"kind", "signed by", "replay key", "lane", "parts", "says"}, rows)
	for _, i := range log.Kinds() {
		s, err := golden(root, i.Kind)
		if err != nil {
			return "", fmt.Errorf("%s: %w", i.Kind, err)
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, s.Envelope.Payload, "", "  "); err != nil {
			return "", fmt.Errorf("%s: %w", i.Kind, err)
		}
		fmt.Fprintf(&b, "## %s\n\n%s.\n\n- Signed by %s. Replay key: %s. Lane: %s.\n- Void if %s.\n\n",
			i.Kind, upper(i.Says), signers(i), i.Replay, i.Lane, i.VoidIf)
		fields, err := structs.payload(i.New())
		if err != nil {
			return "", fmt.Errorf("%s: %w", i.Kind, err)
		}
		table(&b, []string{"member", "form", "meaning"}, fields)
		fmt.Fprintf(&b, "A payload, [%s.json](../log/testdata/golden/%s.json), here with line ends that the encoding does not have:\n\n%s\n",
			i.Kind, i.Kind, code("json", pretty.String()))
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

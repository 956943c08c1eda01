// Package cli owns what the command lines of all haltlog programs have in
// common: exit codes, parsing, how an error is printed, and what a program says
// it was built from. A program's commands are its own.
//
// Invariants:
//
//  1. Exit codes mean the same in every program, so that a script may ask any of
//     them; a command line that does not parse has run nothing.
//  2. Nothing here ends the process or listens to signals: Run returns the exit
//     code, and main alone exits.
package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Program is one binary's command line.
type Program struct {
	Name        string
	Description string
	// Vars fill ${…} in the grammar's help.
	Vars map[string]string
	// Code sorts errors that carry no exit code of their own; nil for Error.
	Code func(error) int
	// OneLine prints an error of several lines as one, for whoever greps a log, or pages.
	OneLine bool
}

// Run parses args by a grammar and runs the command that they name. A command is
// a struct with a method Run that takes what bind returns; bind is called with
// the command's words, after all of grammar is filled. The exit code is the
// error's: Usage for what does not parse, OK where help was asked for.
func (p Program) Run(grammar any, bind func(words []string) any, args []string, stdout, stderr io.Writer) int {
	say := func(err error) {
		text := err.Error()
		if p.OneLine {
			text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
		}
		fmt.Fprintf(stderr, "%s: %s\n", p.Name, text)
	}
	helped := false
	parser, err := kong.New(grammar,
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.Writers(stdout, stderr),
		kong.Vars(p.Vars),
		kong.Exit(func(int) { helped = true }), // help was printed; the library would end the process here
	)
	if err != nil {
		say(err)
		return Error
	}
	command, err := parser.Parse(args)
	if helped {
		return OK
	}
	if err != nil {
		say(err)
		return Usage
	}
	if err := command.Run(bind(strings.Fields(command.Command()))); err != nil {
		say(err)
		return p.code(err)
	}
	return OK
}

func (p Program) code(err error) int {
	if code, ok := codeOf(err); ok {
		return code
	}
	if p.Code != nil {
		return p.Code(err)
	}
	return Error
}

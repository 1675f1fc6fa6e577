package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// permute moves the flags of a command line before its arguments: cli stops looking for
// flags at the first argument, and people write `micropq read DST --sample S`. What follows
// "--" stays an argument.
func permute(app *cli.App, line []string) []string {
	if len(line) == 0 {
		return line
	}
	commands, known, at := app.Commands, app.Flags, 1
	for {
		at += countFlags(known, line[at:])
		if at >= len(line) {
			return line
		}
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(line[at]) })
		if i < 0 {
			break
		}
		commands, known, at = commands[i].Subcommands, commands[i].Flags, at+1
	}
	if len(commands) > 0 {
		return line // a command that does not exist
	}
	out := slices.Clone(line[:at])
	var arguments []string
	for rest := line[at:]; len(rest) > 0; {
		if rest[0] == "--" {
			arguments = append(arguments, rest[1:]...)
			break
		}
		n := countFlags(known, rest)
		if n > len(rest) {
			return append(out, rest...) // cli will say that the value is missing
		}
		if n > 0 {
			out, rest = append(out, rest[:n]...), rest[n:]
		} else {
			arguments, rest = append(arguments, rest[0]), rest[1:]
		}
	}
	return append(append(out, "--"), arguments...)
}

// countFlags is the number of words that the flags at the front of words take, values
// included: one more than there are when the last value is missing.
func countFlags(known []cli.Flag, words []string) int {
	n := 0
	for n < len(words) && strings.HasPrefix(words[n], "-") && words[n] != "-" && words[n] != "--" {
		if takesValue(known, words[n]) {
			n++
		}
		n++
	}
	return n
}

// takesValue reports whether the word after a flag is its value. That of an unknown flag is
// not: cli will refuse the flag.
func takesValue(known []cli.Flag, word string) bool {
	name := strings.TrimLeft(word, "-")
	for _, f := range known {
		if slices.Contains(f.Names(), name) {
			doc, ok := f.(cli.DocGenerationFlag)
			return ok && doc.TakesValue()
		}
	}
	return false
}

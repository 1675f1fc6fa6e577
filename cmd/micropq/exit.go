package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/annotate/publish"
	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/validate"
)

// The exit codes; the doc comment of the command explains them.
const (
	codeDone = iota
	codeFindings
	codeUsage
	codeInput
	codeDamaged
	codeInterrupted
)

// usageError is a command line that cannot be meant.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exitCode is the one place where errors become numbers.
func exitCode(ctx context.Context, err error) int {
	var usage *usageError
	var unreadable *validate.TargetError
	switch {
	case err == nil:
		return codeDone
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return codeInterrupted
	case errors.As(err, &unreadable):
		return codeDamaged
	case errors.Is(err, errFindings):
		return codeFindings
	case errors.As(err, &usage) || isAny(err, convert.ErrExists, publish.ErrExists, publish.ErrNothing, journal.ErrNothing):
		return codeUsage
	case isAny(err, loaders.ErrDamaged, convert.ErrDamaged, journal.ErrDamaged):
		return codeDamaged
	}
	return codeInput
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// message is what the user is told.
func message(code int, err error) string {
	if code == codeInterrupted {
		return "interrupted"
	}
	return err.Error()
}

package arrowflight

import (
	"context"
	"errors"
	"io/fs"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/draw"
)

// limitError is a limit of the server's that a call would exceed.
type limitError struct{ words string }

func (e *limitError) Error() string { return e.words }

// stopError ends the streams of a server that stops.
type stopError struct{ state string }

func (e *stopError) Error() string {
	return "the server stops: go on later, or on another server, from the state " + e.state
}

// statusOf is the one place where errors become codes of gRPC; otherwise is the code of those that are
// not told apart.
func statusOf(err error, otherwise codes.Code) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.Error(codeOf(err, otherwise), err.Error())
}

func codeOf(err error, otherwise codes.Code) codes.Code {
	var (
		stop    *stopError
		limit   *limitError
		item    *ItemError
		path    *fs.PathError
		network net.Error
	)
	switch {
	case errors.As(err, &stop):
		return codes.Unavailable
	case errors.As(err, &limit), errors.As(err, &item):
		return codes.ResourceExhausted
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, loaders.ErrDamaged):
		return codes.DataLoss
	case errors.Is(err, loaders.ErrNotFound):
		return codes.NotFound
	case errors.Is(err, ErrRequest), errors.Is(err, draw.ErrState):
		return codes.InvalidArgument
	case errors.As(err, &network):
		return codes.Unavailable
	case errors.As(err, &path):
		return codes.Internal
	}
	return otherwise
}

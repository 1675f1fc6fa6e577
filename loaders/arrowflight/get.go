package arrowflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/arrowstream"
	"github.com/micropq/micropq/loaders/batch"
)

// DoGet streams the batches of a ticket.
func (s *Server) DoGet(t *flight.Ticket, out flight.FlightService_DoGetServer) error {
	ctx := out.Context()
	r, err := ParseRequest(t.GetTicket())
	if err != nil {
		return statusOf(err, codes.InvalidArgument)
	}
	note(ctx, slog.String("datasets", strings.Join(r.names(), ",")), slog.Int("rank", r.Options.Partition.Rank), slog.Int("world", max(1, r.Options.Partition.World)))
	if !s.streams.TryAcquire(1) {
		return statusOf(&limitError{fmt.Sprintf("%d streams are running already: try again when one has ended, or start the server with more --max-streams", s.options.MaxStreams)}, codes.ResourceExhausted)
	}
	defer s.streams.Release(1)
	l, err := s.loader(ctx, &r)
	if err != nil {
		return statusOf(err, codes.InvalidArgument)
	}
	share, err := s.reserve(l)
	if err != nil {
		return statusOf(err, codes.Internal)
	}
	defer s.memory.Release(share.whole)
	if l, err = l.WithMemory(share.ahead); err != nil {
		return statusOf(err, codes.ResourceExhausted)
	}
	return statusOf(s.send(ctx, l, out), codes.Internal)
}

func (r *Request) names() (names []string) {
	for _, d := range r.Datasets {
		names = append(names, d.Name)
	}
	return names
}

// loader draws what a request says.
func (s *Server) loader(ctx context.Context, r *Request) (*batch.Loader, error) {
	var sources []batch.Source
	for _, d := range r.Datasets {
		set := s.sets[d.Name]
		if set == nil {
			return nil, fmt.Errorf("there is no data set %q here, but %s: %w", d.Name, strings.Join(s.names, ", "), loaders.ErrNotFound)
		}
		sources = append(sources, batch.Source{Dataset: set.Dataset, Weight: d.Weight})
	}
	o := r.Options
	o.Workers = s.options.Workers
	o.OnSkipped = func(item batch.Item, err error) {
		s.options.Log.LogAttrs(ctx, slog.LevelWarn, "skipped", slog.String("peer", peerOf(ctx)), slog.String("sample", item.Sample), slog.Any("origin", item.Origin), slog.String("error", err.Error()))
	}
	return batch.New(ctx, sources, o)
}

// share is the memory that a stream reserves.
type share struct{ whole, ahead int64 }

// inFlight is how many batches a stream holds beside those read ahead: the one that is handed over, and the
// one that is being sent.
const inFlight = 2

// reserve takes a stream's part of the server's memory, or as much as three batches need: one is read while
// two are in flight.
func (s *Server) reserve(l *batch.Loader) (share, error) {
	size, err := l.BatchBytes()
	if err != nil {
		return share{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if size > s.options.Memory/(inFlight+1) {
		return share{}, &limitError{fmt.Sprintf("%d batches of %d bytes each do not fit the server's memory of %d: ask for smaller batches, or start it with more --memory", inFlight+1, size, s.options.Memory)}
	}
	whole := max((inFlight+1)*size, s.options.Memory/int64(s.options.MaxStreams))
	if !s.memory.TryAcquire(whole) {
		return share{}, &limitError{fmt.Sprintf("the streams that are running leave less than the %d bytes of memory that this one needs: try again when one has ended, ask for smaller batches, or start the server with more --memory", whole)}
	}
	return share{whole, whole - inFlight*size}, nil
}

// send streams batches until the last, an error, or the server stops.
func (s *Server) send(ctx context.Context, l *batch.Loader, out grpc.ServerStream) error {
	schema, err := arrowstream.Schema(l)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	head, err := newMessage(ipc.GetSchemaPayload(schema, memory.DefaultAllocator))
	if err != nil {
		return err
	}
	if err := out.SendMsg(head); err != nil {
		return err
	}
	state, batches, bytes := l.Start(), 0, int64(0)
	defer func() { note(ctx, slog.Int("batches", batches), slog.Int64("bytes", bytes)) }()
	stopped := func() error {
		text, err := json.Marshal(state)
		return errors.Join(err, &stopError{string(text)})
	}
	// Reading ends at once when the server stops, but a batch that is being sent goes out whole.
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	for b, err := range l.Batches(reading) {
		switch {
		case s.stopping.Err() != nil:
			return stopped()
		case err != nil:
			return err
		}
		record, err := arrowstream.Record(schema, b)
		if err != nil {
			return err
		}
		err = messages(record, s.options.MaxMessage, func(m *message) error {
			bytes += m.size
			return out.SendMsg(m)
		})
		record.Release()
		if err != nil {
			return err
		}
		batches, state = batches+1, b.State
	}
	return nil
}

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
	l, release, err := s.reserve(l)
	if err != nil {
		return statusOf(err, codes.Internal)
	}
	defer release()
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
	o.Workers, o.Memory = s.options.Workers, s.options.Memory
	o.OnSkipped = func(item batch.Item, err error) {
		s.options.Log.LogAttrs(ctx, slog.LevelWarn, "skipped", slog.String("peer", peerOf(ctx)), slog.String("sample", item.Sample), slog.Any("origin", item.Origin), slog.String("error", err.Error()))
	}
	l, err := batch.New(ctx, sources, o)
	var small *batch.MemoryError
	if errors.As(err, &small) {
		return nil, s.tooLarge(small)
	}
	return l, err
}

// tooLarge words that batches do not fit the server's memory.
func (s *Server) tooLarge(e *batch.MemoryError) error {
	return &limitError{fmt.Sprintf("the server's memory of %d bytes does not hold batches of %d: ask for smaller batches, or start it with more --memory", s.options.Memory, e.Batch)}
}

// reserve takes a stream's share of the server's memory, or as much as its batches need at least, and makes
// the loader keep to it. A batch that gRPC is sending is no longer the loader's, so there is room for one more.
func (s *Server) reserve(l *batch.Loader) (fitted *batch.Loader, release func(), err error) {
	size, err := l.BatchBytes()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	share := s.options.Memory / int64(s.options.MaxStreams)
	var small *batch.MemoryError
	if fitted, err = l.WithMemory(max(share-size, 1)); errors.As(err, &small) {
		share = small.Need + size
		fitted, err = l.WithMemory(small.Need)
	}
	if err != nil {
		return nil, nil, err
	}
	if small != nil && share > s.options.Memory {
		return nil, nil, s.tooLarge(small)
	}
	if !s.memory.TryAcquire(share) {
		return nil, nil, &limitError{fmt.Sprintf("the streams that are running leave less than the %d bytes of memory that this one needs: try again when one has ended, ask for smaller batches, or start the server with more --memory", share)}
	}
	return fitted, func() { s.memory.Release(share) }, nil
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
		h := hold(b)
		err = messages(record, s.options.MaxMessage, func(m *message) error {
			m.hold = h
			bytes += m.size
			return out.SendMsg(m)
		})
		record.Release()
		h.done()
		if err != nil {
			return err
		}
		batches, state = batches+1, b.State
	}
	return nil
}

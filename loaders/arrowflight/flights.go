package arrowflight

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"

	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/arrowstream"
)

// ListFlights lists the sets; the expression of criteria is a glob of their names, as path.Match has it.
func (s *Server) ListFlights(c *flight.Criteria, out flight.FlightService_ListFlightsServer) error {
	glob := string(c.GetExpression())
	for _, name := range s.names {
		if match, err := path.Match(glob, name); err != nil {
			return statusOf(fmt.Errorf("%w: criteria %q: %w", ErrRequest, glob, err), codes.InvalidArgument)
		} else if glob != "" && !match {
			continue
		}
		info, err := s.sets[name].info(out.Context())
		if err != nil {
			return statusOf(err, codes.Internal)
		}
		if err := out.Send(info); err != nil {
			return err
		}
	}
	return nil
}

// GetFlightInfo describes a set, for the path of its name, or what is drawn for the command of a request: then
// it has an endpoint a rank.
func (s *Server) GetFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	info, err := s.flightInfo(ctx, d)
	return info, statusOf(err, codes.InvalidArgument)
}

// GetSchema gives the schema of GetFlightInfo.
func (s *Server) GetSchema(ctx context.Context, d *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	info, err := s.flightInfo(ctx, d)
	if err != nil {
		return nil, statusOf(err, codes.InvalidArgument)
	}
	return &flight.SchemaResult{Schema: info.Schema}, nil
}

func (s *Server) flightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	if d.GetType() == flight.DescriptorCMD {
		return s.drawn(ctx, d)
	}
	if len(d.GetPath()) != 1 {
		return nil, fmt.Errorf("%w: descriptor with the path %q: want the name of one data set, or a command", ErrRequest, d.GetPath())
	}
	name := d.GetPath()[0]
	if s.sets[name] == nil {
		return nil, fmt.Errorf("there is no data set %q here, but %s: %w", name, strings.Join(s.names, ", "), loaders.ErrNotFound)
	}
	return s.sets[name].info(ctx)
}

// maxWorld bounds the endpoints of one answer.
const maxWorld = 1 << 12

// drawn describes what a command draws. Its tickets begin where the command says, with the fingerprint of
// the data, so that a server with other data under the same name refuses them.
func (s *Server) drawn(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	r, err := ParseRequest(d.GetCmd())
	if err != nil {
		return nil, err
	}
	p := &r.Options.Partition
	world := max(1, p.World)
	if p.Rank != 0 || world > maxWorld {
		return nil, fmt.Errorf("%w: a command has no rank, and a world of %d at most: its endpoints are the ranks", ErrRequest, maxWorld)
	}
	l, err := s.loader(ctx, &r)
	if err != nil {
		return nil, err
	}
	schema, err := arrowstream.Schema(l)
	if err != nil {
		return nil, err
	}
	start := l.Start()
	r.Options.State = &start
	info := &flight.FlightInfo{Schema: flight.SerializeSchema(schema, memory.DefaultAllocator), FlightDescriptor: d, TotalRecords: l.Len(), TotalBytes: -1}
	for p.Rank = range world {
		ticket, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		info.Endpoint = append(info.Endpoint, &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: ticket}})
	}
	return info, nil
}

// healthAction says how the server does.
const healthAction = "health"

// ListActions lists the one action.
func (s *Server) ListActions(_ *flight.Empty, out flight.FlightService_ListActionsServer) error {
	return out.Send(&flight.ActionType{Type: healthAction, Description: "Says as JSON whether the server takes new streams; grpc.health.v1.Health says so without a token."})
}

// DoAction does the one action.
func (s *Server) DoAction(a *flight.Action, out flight.FlightService_DoActionServer) error {
	if a.GetType() != healthAction {
		return statusOf(fmt.Errorf("%w: there is no action %q, but %s", ErrRequest, a.GetType(), healthAction), codes.InvalidArgument)
	}
	status := "SERVING"
	if s.stopping.Err() != nil {
		status = "NOT_SERVING"
	}
	body, err := json.Marshal(map[string]any{"status": status, "datasets": s.names})
	if err != nil {
		return statusOf(err, codes.Internal)
	}
	return out.Send(&flight.Result{Body: body})
}

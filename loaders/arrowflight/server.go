package arrowflight

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/micropq/micropq/loaders"
)

// Set is a data set under the name by which clients ask for it.
type Set struct {
	Name    string
	Dataset *loaders.Dataset
}

// MaxMessage is the most that a message of gRPC may hold.
const MaxMessage = math.MaxInt32

// Options say how to serve. The zero value works.
type Options struct {
	Memory     int64         // bytes of batches of all streams; 0 for 4 GiB
	MaxStreams int           // at the same time, which share the memory alike; 0 for 8
	MaxMessage int64         // bytes of a message; 0 for 256 MiB, at most [MaxMessage]
	Workers    int           // batches that a stream reads at the same time; 0 for all processors
	Grace      time.Duration // for streams to end when the server stops; 0 for 10 s
	TLS        *tls.Config   // nil for none
	Tokens     Tokens        // one of which every call must bring
	Log        *slog.Logger  // told of every call; nil for none
}

func (o Options) withDefaults() Options {
	if o.Memory == 0 {
		o.Memory = 4 << 30
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = 8
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = 256 << 20
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Validate reports every problem at once.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	check := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(o.Memory < 0, "memory of %d bytes: want a positive number", o.Memory)
	check(o.MaxStreams < 0, "max-streams %d: want a positive number", o.MaxStreams)
	check(o.MaxMessage < 1<<16 || o.MaxMessage > MaxMessage, "max-message of %d bytes: want %d to %d", o.MaxMessage, 1<<16, MaxMessage)
	check(o.Workers < 0, "%d workers: want a positive number", o.Workers)
	check(o.Grace < 0, "grace of %v: want a positive duration", o.Grace)
	return errors.Join(errs...)
}

// Server serves sets. It does not own them.
type Server struct {
	flight.BaseFlightServer
	options Options
	sets    map[string]*set
	names   []string // in the order given
	streams *semaphore.Weighted
	memory  *semaphore.Weighted
	grpc    *grpc.Server
	health  *health.Server
	// stopping is done when the server stops: streams end with their batch.
	stopping context.Context
	stop     context.CancelFunc
}

// New makes a server of sets with different names.
func New(sets []Set, o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Server{
		options: o, sets: map[string]*set{}, health: health.NewServer(),
		streams: semaphore.NewWeighted(int64(o.MaxStreams)), memory: semaphore.NewWeighted(o.Memory),
	}
	for _, v := range sets {
		if v.Name == "" || s.sets[v.Name] != nil {
			return nil, fmt.Errorf("two data sets have the name %q: give each a name of its own", v.Name)
		}
		s.sets[v.Name] = &set{Set: v}
		s.names = append(s.names, v.Name)
	}
	if len(s.names) == 0 {
		return nil, errors.New("no data set to serve")
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.grpc = grpc.NewServer(s.grpcOptions()...)
	flight.RegisterFlightServiceServer(s.grpc, s)
	healthpb.RegisterHealthServer(s.grpc, s.health)
	return s, nil
}

const (
	// maxRequest bounds what a client may send; a request has a few hundred bytes.
	maxRequest = 1 << 20
	// writeBuffer makes a system call of 64 frames of HTTP/2, which gRPC limits to 16 KiB each.
	writeBuffer = 1 << 20
	// A client that vanished without a word is found out after a minute.
	pingAfter, pingTimeout = 40 * time.Second, 20 * time.Second
	// A client may ask as often whether the server is there.
	clientPings = 5 * time.Second
)

func (s *Server) grpcOptions() []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxRequest), grpc.MaxSendMsgSize(MaxMessage),
		grpc.WriteBufferSize(writeBuffer), grpc.SharedWriteBuffer(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: clientPings, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true), // the sets are closed after them
		grpc.UnaryInterceptor(s.unary), grpc.StreamInterceptor(s.stream),
	}
	if s.options.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.options.TLS)))
	}
	return options
}

// Serve answers calls on l, which it closes, until ctx is done. Then streams end with the batch that is being
// sent, and after the grace of the options in any case.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer s.stop()
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		s.health.Shutdown()
		s.stop()
		forced := time.AfterFunc(s.options.Grace, s.grpc.Stop)
		s.grpc.GracefulStop()
		forced.Stop()
	})
	err := s.grpc.Serve(l)
	if !cancel() {
		<-done // calls are done with the sets then
		return nil
	}
	s.grpc.Stop()
	return err
}

package arrowflight

import (
	"context"
	"log/slog"
	"path"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// call is what is logged of a call beside its method and outcome.
type call struct{ attrs []slog.Attr }

type callKey struct{}

// note adds to what is logged of the call of a context.
func note(ctx context.Context, attrs ...slog.Attr) {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		c.attrs = append(c.attrs, attrs...)
	}
}

// unary checks the token of a call, and logs it.
func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	err = s.observe(ctx, info.FullMethod, func(ctx context.Context) error {
		resp, err = handle(ctx, req)
		return err
	})
	return resp, err
}

// stream is unary for streams.
func (s *Server) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	return s.observe(stream.Context(), info.FullMethod, func(ctx context.Context) error {
		return handle(srv, &observed{stream, ctx})
	})
}

// observed is a stream with a context of its own.
type observed struct {
	grpc.ServerStream
	ctx context.Context
}

func (o *observed) Context() context.Context { return o.ctx }

func (s *Server) observe(ctx context.Context, method string, handle func(context.Context) error) error {
	start, c := time.Now(), &call{}
	err := s.options.Tokens.check(ctx, method)
	if err == nil {
		err = handle(context.WithValue(ctx, callKey{}, c))
	}
	attrs := []slog.Attr{slog.String("method", path.Base(method)), slog.String("peer", peerOf(ctx)), slog.String("code", status.Code(err).String())}
	attrs = append(append(attrs, c.attrs...), slog.Duration("took", time.Since(start).Round(time.Microsecond)))
	level := slog.LevelInfo
	if err != nil {
		attrs = append(attrs, slog.String("error", status.Convert(err).Message()))
		level = levelOf(status.Code(err))
	}
	s.options.Log.LogAttrs(ctx, level, "call", attrs...)
	return err
}

// levelOf tells what is wrong with the data or the server from what clients do.
func levelOf(code codes.Code) slog.Level {
	switch code {
	case codes.DataLoss, codes.Internal, codes.Unknown:
		return slog.LevelError
	case codes.Canceled, codes.Unavailable:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

package arrowflight

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/fisbe"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/loaders/arrowstream"
	"github.com/micropq/micropq/loaders/batch"
	"github.com/micropq/micropq/loaders/draw"
)

// converted is the committed sample as a data set, in a folder.
func converted(tb testing.TB) string {
	tb.Helper()
	s, err := store.Open(tb.Context(), "../../testdata/fisbe", store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	src, err := fisbe.Open(s, "fisbe", fisbe.Options{Chunk: [3]int{16, 16, 16}})
	if err != nil {
		tb.Fatal(err)
	}
	dst := filepath.Join(tb.TempDir(), "out")
	if _, err := convert.Run(tb.Context(), src, dst, convert.Options{}); err != nil {
		tb.Fatal(err)
	}
	return dst
}

func open(tb testing.TB, dst string) *loaders.Dataset {
	tb.Helper()
	d, err := loaders.Open(context.Background(), dst, loaders.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { d.Close() })
	return d
}

// serve runs a server of d under the names a and b until the test ends, or stop is called.
func serve(t *testing.T, d *loaders.Dataset, o Options) (address string, stop func()) {
	t.Helper()
	s, err := New([]Set{{"a", d}, {"b", d}}, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving ends with %v", err)
		}
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

func dial(t *testing.T, address string) flight.Client {
	t.Helper()
	c, err := flight.NewClientWithMiddleware(address, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// crops is a request of 50 items of "a".
func crops() Request {
	seed := uint64(3)
	return Request{Version: RequestVersion, Datasets: []Source{{Name: "a"}}, Options: batch.Options{
		Arrays: []string{"raw", "gt_instances"}, Size: []int{5, 7, 40}, Count: 50, Foreground: 0.5,
		Shuffle: draw.Shuffle{Seed: &seed}, Partition: draw.Partition{Batch: 8},
	}}
}

func (r *Request) ticket(t *testing.T) *flight.Ticket {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return &flight.Ticket{Ticket: data}
}

// get reads a stream to its end: batches, their pieces put together, and how many pieces there were.
func get(ctx context.Context, c flight.Client, ticket *flight.Ticket) (batches []arrow.RecordBatch, pieces int, err error) {
	stream, err := c.DoGet(ctx, ticket)
	if err != nil {
		return nil, 0, err
	}
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		return nil, 0, err
	}
	defer r.Release()
	var parts []arrow.RecordBatch
	have := int64(0)
	for r.Next() {
		b := r.RecordBatch()
		b.Retain()
		parts, have, pieces = append(parts, b), have+b.NumRows(), pieces+1
		if m := r.LatestAppMetadata(); m != nil {
			var p Piece
			if err := json.Unmarshal(m, &p); err != nil || p.Row+b.NumRows() != have {
				return batches, pieces, errors.Join(err, errors.New("a piece is out of order"))
			}
			if have < p.Rows {
				continue
			}
		}
		batches, parts, have = append(batches, whole(parts)), nil, 0
	}
	return batches, pieces, r.Err()
}

// whole puts pieces together.
func whole(parts []arrow.RecordBatch) arrow.RecordBatch {
	var columns []arrow.Array
	rows := int64(0)
	for i := range parts[0].NumCols() {
		var chunks []arrow.Array
		for _, p := range parts {
			chunks = append(chunks, p.Column(int(i)))
		}
		c, err := array.Concatenate(chunks, memoryAllocator)
		if err != nil {
			panic(err) // of a test
		}
		columns = append(columns, c)
	}
	for _, p := range parts {
		rows += p.NumRows()
	}
	return array.NewRecordBatch(parts[0].Schema(), columns, rows)
}

// drawn are the batches that the loader itself draws.
func drawn(t *testing.T, d *loaders.Dataset, r Request) (batches []arrow.RecordBatch) {
	t.Helper()
	var sources []batch.Source
	for _, s := range r.Datasets {
		sources = append(sources, batch.Source{Dataset: d, Weight: s.Weight})
	}
	l, err := batch.New(t.Context(), sources, r.Options)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := arrowstream.Schema(l)
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range l.Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		record, err := arrowstream.Record(schema, b)
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, record)
	}
	return batches
}

func equal(a, b []arrow.RecordBatch) bool {
	return slices.EqualFunc(a, b, func(a, b arrow.RecordBatch) bool { return a.Schema().Equal(b.Schema()) && array.RecordEqual(a, b) })
}

// What comes over Flight is what the loader draws: one data set or several, any rank, and in pieces.
func TestGet(t *testing.T) {
	d := open(t, converted(t))
	address, _ := serve(t, d, Options{})
	small, _ := serve(t, d, Options{MaxMessage: 1 << 16})
	for name, change := range map[string]func(*Request){
		"crops":   func(r *Request) {},
		"many":    func(r *Request) { r.Options.Count, r.Options.Partition.Batch = 600, 2 }, // memory of batches is used again
		"tiny":    func(r *Request) { r.Options.Size, r.Options.Count, r.Options.Partition.Batch = []int{1, 2, 3}, 3000, 2 },
		"rank":    func(r *Request) { r.Options.Partition.Rank, r.Options.Partition.World = 2, 3 },
		"mixture": func(r *Request) { r.Datasets = []Source{{"a", 1}, {"b", 2}} },
		"tiles": func(r *Request) {
			r.Options = batch.Options{Kind: batch.Tiles, Size: []int{16, 20, 20}, Arrays: []string{"raw"}, Epochs: 2}
		},
	} {
		r := crops()
		change(&r)
		want := drawn(t, d, r)
		got, pieces, err := get(t.Context(), dial(t, address), r.ticket(t))
		if err != nil || len(want) == 0 || !equal(got, want) || pieces != len(want) {
			t.Errorf("%s: %d batches in %d pieces, or others than the %d that are drawn, %v", name, len(got), pieces, len(want), err)
		}
		got, pieces, err = get(t.Context(), dial(t, small), r.ticket(t))
		if err != nil || !equal(got, want) || name == "crops" && pieces <= len(want) {
			t.Errorf("%s, small messages: %d batches in %d pieces, %v", name, len(got), pieces, err)
		}
	}
}

// The endpoints of a command are its ranks, and their tickets begin where it does.
func TestEndpoints(t *testing.T) {
	d := open(t, converted(t))
	address, _ := serve(t, d, Options{})
	c, r := dial(t, address), crops()
	r.Options.Partition.World = 3
	want := drawn(t, d, r)
	info, err := c.GetFlightInfo(t.Context(), &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: r.ticket(t).Ticket})
	if err != nil || len(info.Endpoint) != 3 || info.TotalRecords != 50 {
		t.Fatal(info, err)
	}
	schema, err := flight.DeserializeSchema(info.Schema, memoryAllocator)
	if err != nil || !schema.Equal(want[0].Schema()) {
		t.Errorf("schema %v, %v", schema, err)
	}
	for rank, e := range info.Endpoint {
		r.Options.Partition.Rank = rank
		if got, _, err := get(t.Context(), c, e.Ticket); err != nil || !equal(got, drawn(t, d, r)) {
			t.Errorf("rank %d: %d batches, or others, %v", rank, len(got), err)
		}
		parsed, err := ParseRequest(e.Ticket.Ticket)
		if err != nil || parsed.Options.State == nil || len(parsed.Options.State.Drawing) != 32 {
			t.Errorf("rank %d: ticket %s, %v", rank, e.Ticket.Ticket, err)
		}
	}
	result, err := c.GetSchema(t.Context(), &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: r.ticket(t).Ticket})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a command with a rank: %v, %v", result, err)
	}
}

func TestList(t *testing.T) {
	address, _ := serve(t, open(t, converted(t)), Options{})
	c := dial(t, address)
	for criteria, want := range map[string]string{"": "a b", "[b-z]": "b", "c": ""} {
		list, err := c.ListFlights(t.Context(), &flight.Criteria{Expression: []byte(criteria)})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for {
			info, err := list.Recv()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, info.FlightDescriptor.Path...)
			var about Description
			if err := json.Unmarshal(info.AppMetadata, &about); err != nil || info.TotalRecords != 2 || about.Rows["chunks"] != 96 || len(about.Arrays) != 2 || about.Arrays[1].MaxShape[3] != 32 {
				t.Errorf("%v, %s, %v", info, info.AppMetadata, err)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("criteria %q: %s, want %s", criteria, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	d := open(t, converted(t))
	address, _ := serve(t, d, Options{Memory: 16 << 20, MaxMessage: 1 << 16})
	c := dial(t, address)
	for name, test := range map[string]struct {
		change func(*Request)
		code   codes.Code
		words  string
	}{
		"unknown set":   {func(r *Request) { r.Datasets[0].Name = "c" }, codes.NotFound, `no data set "c" here, but a, b`},
		"unknown array": {func(r *Request) { r.Options.Arrays = []string{"nothing"} }, codes.NotFound, "nothing"},
		"no seed":       {func(r *Request) { r.Options.Shuffle.Seed = nil }, codes.InvalidArgument, "seed"},
		"no set":        {func(r *Request) { r.Datasets = nil }, codes.InvalidArgument, "no data set"},
		"version":       {func(r *Request) { r.Version = 2 }, codes.InvalidArgument, "version 2, want 1"},
		"weights":       {func(r *Request) { r.Datasets = []Source{{"a", 1}, {"b", 0}} }, codes.InvalidArgument, "weight"},
		"axes":          {func(r *Request) { r.Options.Size = []int{4, 4} }, codes.InvalidArgument, "axes"},
		"state":         {func(r *Request) { r.Options.State = &draw.State{Version: 1, Drawing: "x"} }, codes.InvalidArgument, "another data set"},
		"memory":        {func(r *Request) { r.Options.Partition.Batch = 1000 }, codes.ResourceExhausted, "--memory"},
		"message":       {func(r *Request) { r.Options.Size, r.Options.Partition.Batch = []int{20, 30, 30}, 1 }, codes.ResourceExhausted, "--max-message"},
		"endless":       {func(r *Request) { r.Options.Size = []int{1 << 30, 1 << 30, 1 << 30} }, codes.InvalidArgument, "addressed"},
	} {
		r := crops()
		test.change(&r)
		if _, _, err := get(t.Context(), c, r.ticket(t)); status.Code(err) != test.code || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v, want %v with %q", name, err, test.code, test.words)
		}
	}
	if _, _, err := get(t.Context(), c, &flight.Ticket{Ticket: []byte(`{"version":1,"colour":"red"}`)}); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "colour") {
		t.Errorf("unknown field: %v", err)
	}
	if _, err := c.GetFlightInfo(t.Context(), &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"c"}}); status.Code(err) != codes.NotFound {
		t.Errorf("unknown path: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	dst := converted(t)
	shards, err := filepath.Glob(filepath.Join(dst, "chunks", "train-*.parquet"))
	if err != nil || len(shards) != 1 {
		t.Fatal(shards, err)
	}
	data, err := os.ReadFile(shards[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(shards[0], data, 0o666); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	address, stop := serve(t, open(t, dst), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	r := crops()
	r.Options = batch.Options{Kind: batch.Tiles, Size: []int{16, 16, 16}, Arrays: []string{"raw", "gt_instances"}}
	_, _, err = get(t.Context(), dial(t, address), r.ticket(t))
	if status.Code(err) != codes.DataLoss || !strings.Contains(err.Error(), "chunks/train-") || !strings.Contains(err.Error(), "row ") {
		t.Errorf("got %v", err)
	}
	r.Options.OnError = batch.Skip
	got, _, err := get(t.Context(), dial(t, address), r.ticket(t))
	if err != nil || len(got) == 0 || len(got) == 16 {
		t.Errorf("with skip: %d batches, %v", len(got), err)
	}
	stop()
	if text := log.String(); strings.Count(text, "msg=skipped") != 16-len(got) || !strings.Contains(text, "code=DataLoss") {
		t.Errorf("log:\n%s", text)
	}
}

// Many clients read at once, some go away in the middle, some do not read; the server has their streams' places
// and memory back, and stops without a goroutine left.
func TestClientsComeAndGo(t *testing.T) {
	d := open(t, converted(t))
	before := runtime.NumGoroutine()
	address, stop := serve(t, d, Options{MaxStreams: 6})
	r := crops()
	want := drawn(t, d, r)
	endless := crops()
	endless.Options.Epochs = -1
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			c, err := flight.NewClientWithMiddleware(address, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if i%2 == 0 {
				if got, _, err := get(t.Context(), c, r.ticket(t)); err != nil || !equal(got, want) {
					t.Errorf("client %d: %d batches, or others, %v", i, len(got), err)
				}
				return
			}
			stream, err := c.DoGet(t.Context(), endless.ticket(t))
			for range i {
				if err == nil {
					_, err = stream.Recv()
				}
			}
			if err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	all.Wait()
	// Those that went away are gone from the server as well: all six places are free.
	c := dial(t, address)
	ctx, cancel := context.WithCancel(t.Context())
	for n, deadline := 0, time.Now().Add(10*time.Second); n < 6; {
		stream, err := c.DoGet(ctx, endless.ticket(t))
		if err == nil {
			_, err = stream.Recv()
		}
		if err == nil {
			n++
		} else if status.Code(err) != codes.ResourceExhausted || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if _, _, err := get(ctx, c, r.ticket(t)); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "--max-streams") {
		t.Errorf("a seventh stream: %v", err)
	}
	cancel()
	c.Close()
	stop()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
	}
}

// A server that stops ends a stream after a whole batch, with the state to go on from; one whose client does not
// read ends after the grace.
func TestStop(t *testing.T) {
	d := open(t, converted(t))
	address, stop := serve(t, d, Options{Grace: 300 * time.Millisecond})
	r := crops()
	r.Options.Epochs = -1
	reading, idle := dial(t, address), dial(t, address)
	asleep, err := idle.DoGet(t.Context(), r.ticket(t))
	if err == nil {
		_, err = asleep.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	stream, err := reading.DoGet(t.Context(), r.ticket(t))
	if err != nil {
		t.Fatal(err)
	}
	records, err := flight.NewRecordReader(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer records.Release()
	last := ""
	for n := 0; records.Next(); n++ {
		b := records.RecordBatch()
		last = strings.Clone(b.Column(int(b.NumCols()) - 1).(*array.String).Value(0))
		if n == 5 {
			go stop()
		}
	}
	if err := records.Err(); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), last) || last == "" {
		t.Errorf("the stream ends with %v, its last state is %s", err, last)
	}
	start := time.Now()
	stop()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestTokensAndHealth(t *testing.T) {
	tokens, err := ParseTokens([]byte("# ours\n\n  first-token-of-all \nsecond-token-of-all\n"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	address, stop := serve(t, open(t, converted(t)), Options{Tokens: tokens, Log: slog.New(slog.NewTextHandler(&log, nil))})
	c, r := dial(t, address), crops()
	with := func(headers ...string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), headers...)
	}
	for name, test := range map[string]struct {
		ctx  context.Context
		want codes.Code
	}{
		"none":   {with(), codes.Unauthenticated},
		"first":  {with("authorization", "Bearer first-token-of-all"), codes.OK},
		"second": {with("authorization", "bearer second-token-of-all"), codes.OK},
		"wrong":  {with("authorization", "Bearer third-token-of-all"), codes.Unauthenticated},
		"prefix": {with("authorization", "Bearer first-token-of-al"), codes.Unauthenticated},
		"basic":  {with("authorization", "Basic first-token-of-all"), codes.Unauthenticated},
		"two":    {with("authorization", "Bearer x", "authorization", "Bearer first-token-of-all"), codes.Unauthenticated},
	} {
		_, _, err := get(test.ctx, c, r.ticket(t))
		_, err2 := c.GetFlightInfo(test.ctx, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"a"}})
		if status.Code(err) != test.want || status.Code(err2) != test.want {
			t.Errorf("%s: %v, %v, want %v", name, err, err2, test.want)
		}
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	health, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || health.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health %v, %v", health, err)
	}
	stop()
	if text := log.String(); strings.Contains(text, "-of-all") || !strings.Contains(text, "code=Unauthenticated") {
		t.Errorf("log:\n%s", text)
	}
}

func TestParseTokens(t *testing.T) {
	for text, want := range map[string]string{"": "no token", "# none\n": "no token", "short": "line 1 has 5", "ok-ok-ok-ok-ok-ok\nspace in the middle of it": "line 2"} {
		if _, err := ParseTokens([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

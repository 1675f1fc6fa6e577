package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/npy"
	"github.com/micropq/micropq/loaders"
	"github.com/micropq/micropq/schemas"
)

// Formats of `micropq read`.
const (
	formatNPY = "npy"
	formatRaw = "raw"
)

func readCommand() *cli.Command {
	return &cli.Command{
		Name:      "read",
		Usage:     "read a region of an array into a file",
		ArgsUsage: "DST",
		Description: `DST is a folder, a zip of one, or an HTTP(S) URL of either. A region is written as
numpy slices, one an axis: a:b, a:, :b, : or an index; negative numbers count from the
end, and an axis with one index stays, with extent 1.

Examples:

   micropq read fisbe/ --sample S --array raw --region 0:3,10:20,:,: -o out.npy
   micropq read fisbe/ --sample S --array gt_instances --merged -o labels.npy`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "sample", Usage: "`ID` of the sample"},
			&cli.StringFlag{Name: "array", Value: "raw", Usage: "`NAME` of the array"},
			&cli.IntFlag{Name: "level", Usage: "pyramid level, 0 is full resolution"},
			&cli.StringFlag{Name: "region", Usage: "`SLICES` along the axes (default: all)"},
			&cli.BoolFlag{Name: "merged", Usage: "instance ids of all channels in one; the highest where they overlap"},
			&cli.StringFlag{Name: "instances", Usage: "a mask for each of these `IDS`, such as 1,5"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write, - for standard output"},
			&cli.StringFlag{Name: "format", Usage: "npy, or raw: the elements alone (default: by the name of FILE, else npy)"},
			&cli.StringFlag{Name: "memory", Value: "256MiB", Usage: "memory for elements; more is read in parts"},
			&cli.BoolFlag{Name: "verify", Usage: "check the digest of every chunk"},
			&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
		},
		OnUsageError: onUsageError,
		Action:       runRead,
	}
}

// readOptions is a checked command line.
type readOptions struct {
	sample, array, region string
	level                 int
	merged                bool
	instances             []int64
	output, format        string
	memory                int64
}

func parseReadOptions(c *cli.Context) (o readOptions, err error) {
	o = readOptions{
		sample: c.String("sample"), array: c.String("array"), region: c.String("region"), level: c.Int("level"),
		merged: c.Bool("merged"), output: c.String("output"), format: c.String("format"),
	}
	var errs []error
	if o.output == "" {
		errs = append(errs, errors.New("-o is missing: want a file, or - for standard output"))
	}
	if o.level < 0 {
		errs = append(errs, fmt.Errorf("--level %d: want 0 or more", o.level))
	}
	if o.format == "" {
		o.format = formatNPY
		if slices.Contains([]string{".raw", ".bin"}, strings.ToLower(filepath.Ext(o.output))) {
			o.format = formatRaw
		}
	}
	if o.format != formatNPY && o.format != formatRaw {
		errs = append(errs, fmt.Errorf("--format %q: want npy or raw", o.format))
	}
	if o.memory, err = parseBytes(c.String("memory")); err != nil {
		errs = append(errs, fmt.Errorf("--memory: %w", err))
	}
	if c.IsSet("instances") {
		if o.instances, err = parseIDs(c.String("instances")); err != nil {
			errs = append(errs, fmt.Errorf("--instances: %w", err))
		}
		if o.merged {
			errs = append(errs, errors.New("--merged and --instances exclude each other"))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return o, &usageError{err}
	}
	return o, nil
}

func parseIDs(s string) (ids []int64, err error) {
	for part := range strings.SplitSeq(s, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil || id < 1 || slices.Contains(ids, id) {
			return nil, fmt.Errorf("%q: want different positive ids, such as 1,5", s)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// readResult is what `micropq read` reports.
type readResult struct {
	Output      string        `json:"output"`
	Format      string        `json:"format"`
	Sample      string        `json:"sample"`
	Array       string        `json:"array"`
	Level       int           `json:"level"`
	Region      string        `json:"region"`
	Axes        string        `json:"axes"`
	Shape       []int         `json:"shape"`
	DType       schemas.DType `json:"dtype"`
	Bytes       int64         `json:"bytes"`        // of the elements
	BytesRead   int64         `json:"bytes_read"`   // from the data set's files
	BytesNeeded int64         `json:"bytes_needed"` // encoded size of the chunks touched
	Chunks      int           `json:"chunks"`
	EmptyChunks int           `json:"empty_chunks"`
	ReadAmp     float64       `json:"read_amplification"`
	DecodeAmp   float64       `json:"decode_amplification"`
}

func runRead(c *cli.Context) (err error) {
	paths, err := args(c, "DST")
	if err != nil {
		return err
	}
	o, err := parseReadOptions(c)
	if err != nil {
		return err
	}
	d, err := loaders.Open(c.Context, paths[0], loaders.Options{VerifyDigest: c.Bool("verify")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	src, err := openReading(c.Context, d, o)
	if err != nil {
		return err
	}
	out, err := createOutput(o.output)
	if err != nil {
		return err
	}
	stats, err := src.write(c.Context, out, o)
	if err != nil {
		return errors.Join(err, out.abort())
	}
	if err := out.finish(c.App.Writer); err != nil {
		return err
	}
	return printRead(c, o, src, stats)
}

func printRead(c *cli.Context, o readOptions, src *reading, s loaders.Stats) error {
	r := readResult{
		Output: o.output, Format: o.format, Sample: o.sample, Array: o.array, Level: o.level,
		Region: src.region.String(), Axes: src.axes, Shape: src.region.Shape, DType: src.dtype,
		Bytes:     int64(src.region.Elements() * src.dtype.Size()),
		BytesRead: s.Read, BytesNeeded: s.Payload, Chunks: s.Chunks, EmptyChunks: s.EmptyChunks,
		ReadAmp: s.ReadAmplification(), DecodeAmp: s.DecodeAmplification(),
	}
	if c.Bool("json") {
		w := c.App.Writer
		if o.output == "-" {
			w = c.App.ErrWriter
		}
		return printJSON(w, r)
	}
	_, err := fmt.Fprintf(c.App.ErrWriter, "%s %s of %s: %s (%s) %s, %s; read %s from %d chunks (%d empty), %.2f times what was needed; decoded %.2f times what was asked for\n",
		r.Array, r.Region, r.Sample, r.Axes, joinInts(r.Shape), r.DType, formatBytes(r.Bytes),
		formatBytes(r.BytesRead), r.Chunks, r.EmptyChunks, r.ReadAmp, r.DecodeAmp)
	return err
}

// reading is an array as it will be written: stored, merged or as masks, in which case a
// first axis N counts the instances.
type reading struct {
	axes   string
	region loaders.Region // along axes
	chunk  []int
	dtype  schemas.DType
	read   func(ctx context.Context, r loaders.Region, dst []byte) (loaders.Stats, error)
}

func openReading(ctx context.Context, d *loaders.Dataset, o readOptions) (*reading, error) {
	a, err := d.Array(ctx, o.sample, o.array, o.level)
	switch {
	case errors.Is(err, loaders.ErrNotFound) && o.sample == "":
		return nil, usagef("--sample is missing: %w", err)
	case errors.Is(err, loaders.ErrNotFound):
		return nil, &usageError{err}
	case err != nil:
		return nil, err
	}
	switch {
	case o.merged:
		return mergedReading(ctx, a, o)
	case o.instances != nil:
		return maskReading(a, o)
	}
	s := &reading{axes: a.Axes(), chunk: a.Chunk(), dtype: a.DType()}
	if s.region, err = nd.ParseRegion(o.region, s.axes, a.Shape()); err != nil {
		return nil, usageFlag("region", err)
	}
	s.read = func(ctx context.Context, r loaders.Region, dst []byte) (loaders.Stats, error) {
		return a.Read(ctx, r, nd.Dense(dst, r.Shape, s.dtype.Size()))
	}
	return s, nil
}

func usageFlag(flag string, err error) error { return usagef("--%s: %w", flag, err) }

// labelReading is what merged labels and masks have in common.
func labelReading(a *loaders.Array, o readOptions) (*reading, error) {
	if a.Role() != schemas.RoleLabels {
		return nil, usagef("--array %s holds no labels: --merged and --instances are for arrays that do", o.array)
	}
	s := &reading{axes: a.LabelAxes(), chunk: a.Chunk()}
	if c := strings.IndexByte(a.Axes(), 'C'); c >= 0 {
		s.chunk = slices.Delete(s.chunk, c, c+1)
	}
	var err error
	if s.region, err = nd.ParseRegion(o.region, s.axes, a.LabelShape()); err != nil {
		return nil, usageFlag("region", err)
	}
	return s, nil
}

// mergedReading gives uint32 as long as the ids fit, else int64.
func mergedReading(ctx context.Context, a *loaders.Array, o readOptions) (*reading, error) {
	s, err := labelReading(a, o)
	if err != nil {
		return nil, err
	}
	ids, err := a.InstanceIDs(ctx)
	if err != nil {
		return nil, err
	}
	s.dtype = schemas.Uint32
	s.read = func(ctx context.Context, r loaders.Region, dst []byte) (loaders.Stats, error) {
		return loaders.ReadLabels(ctx, a, r, elements[uint32](dst))
	}
	if len(ids) > 0 && ids[len(ids)-1] > math.MaxUint32 || len(ids) == 0 && a.DType().Size() == 8 {
		s.dtype = schemas.Int64
		s.read = func(ctx context.Context, r loaders.Region, dst []byte) (loaders.Stats, error) {
			return loaders.ReadLabels(ctx, a, r, elements[int64](dst))
		}
	}
	return s, nil
}

func maskReading(a *loaders.Array, o readOptions) (*reading, error) {
	s, err := labelReading(a, o)
	if err != nil {
		return nil, err
	}
	n := len(o.instances)
	s.dtype, s.axes = schemas.Bool, "N"+s.axes
	s.region.Origin, s.region.Shape = append([]int{0}, s.region.Origin...), append([]int{n}, s.region.Shape...)
	s.chunk = append([]int{n}, s.chunk...)
	s.read = func(ctx context.Context, r loaders.Region, dst []byte) (loaders.Stats, error) {
		inner := loaders.Region{Origin: r.Origin[1:], Shape: r.Shape[1:]}
		return loaders.ReadMasks(ctx, a, inner, o.instances, elements[bool](dst))
	}
	return s, nil
}

// write reads the region piece by piece and puts each in its place.
func (s *reading) write(ctx context.Context, out *output, o readOptions) (stats loaders.Stats, err error) {
	var header []byte
	if o.format == formatNPY {
		if header, err = npy.Header(s.dtype, s.region.Shape); err != nil {
			return stats, err
		}
	}
	if _, err := out.file.WriteAt(header, 0); err != nil {
		return stats, err
	}
	var buf []byte
	for piece := range pieces(s.region, s.chunk, s.axes, s.dtype.Size(), o.memory) {
		n := piece.Elements() * s.dtype.Size()
		buf = slices.Grow(buf[:0], n)[:n]
		one, err := s.read(ctx, piece, buf)
		stats.Add(one)
		if err != nil {
			if errors.Is(err, loaders.ErrNotFound) {
				err = &usageError{err}
			}
			return stats, err
		}
		if err := writeBox(out.file, int64(len(header)), s.region.Shape, piece.Sub(s.region.Origin), s.dtype.Size(), buf); err != nil {
			return stats, err
		}
	}
	return stats, nil
}

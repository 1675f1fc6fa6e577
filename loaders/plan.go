package loaders

import (
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/micropq/micropq/internal/shardfile"
)

const (
	// remoteReaders is how many requests of one region are under way at a time.
	remoteReaders = 16
	// maxGap is how far the pages of a piece may lie apart: on a connection of 100 MB/s reading it
	// takes a millisecond, less than a request of its own.
	maxGap = 128 << 10
	// maxSpan is how much is read by one request, unless a single page is larger.
	maxSpan = 4 << 20
)

// plan makes pieces of todo: of a remote data set, whose reads are round trips, those chunks
// whose pages lie together are one.
func (j *job) plan() error {
	j.pieces = j.pieces[:0]
	if !j.array.dataset.remote {
		for i := range j.todo {
			j.pieces = append(j.pieces, piece{first: i, end: i + 1})
		}
		return nil
	}
	// Those to read first, in the order of chunks, which is that of rows and pages.
	n := 0
	for i := range j.todo {
		if j.todo[i].read(j.array.index) {
			j.todo[n], j.todo[i] = j.todo[i], j.todo[n]
			n++
		}
	}
	slices.SortFunc(j.todo[:n], func(s, t touch) int { return s.chunk - t.chunk })
	if err := j.loadIndexes(j.todo[:n]); err != nil {
		return err
	}
	var last *shard
	var buf shardfile.Buffer
	for i := range n {
		s, row := j.array.index.place(j.todo[i].chunk)
		at, err := s.file.Locate(j.ctx, row, "data", &buf)
		if err != nil {
			return j.array.blame(j.ctx, s, row, j.todo[i].chunk, err)
		}
		if last == s {
			if p := &j.pieces[len(j.pieces)-1]; at.Offset >= p.to.End() && at.Offset-p.to.End() <= maxGap && at.End()-p.from.Offset <= maxSpan {
				p.end, p.to = i+1, at
				continue
			}
		}
		j.pieces = append(j.pieces, piece{first: i, end: i + 1, from: at, to: at})
		last = s
	}
	for i := n; i < len(j.todo); i++ {
		j.pieces = append(j.pieces, piece{first: i, end: i + 1})
	}
	return nil
}

// loadIndexes reads where the pages of the row groups of chunks lie, side by side; it stays in
// memory.
func (j *job) loadIndexes(chunks []touch) error {
	g, ctx := errgroup.WithContext(j.ctx)
	g.SetLimit(remoteReaders)
	var last chunkGroup
	for _, t := range chunks {
		chunk := t.chunk
		s, row := j.array.index.place(chunk)
		if at := (chunkGroup{s, s.file.GroupOf(row)}); at != last {
			last = at
			g.Go(func() error {
				if _, err := s.file.Locate(ctx, row, "data", new(shardfile.Buffer)); err != nil {
					return j.array.blame(ctx, s, row, chunk, err)
				}
				return nil
			})
		}
	}
	return g.Wait()
}

// chunkGroup is a row group of a shard.
type chunkGroup struct {
	shard *shard
	group int
}

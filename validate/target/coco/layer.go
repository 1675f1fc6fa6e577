package coco

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/micropq/micropq/internal/jsonscan"
	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

const (
	// taskBytes of annotations make a task, which is one picture at least.
	taskBytes = 256 << 10
	// gap is how far annotations may lie apart to be read at once.
	gap = 4 << 10
	// readBytes is what is read at once, but for longer annotations.
	readBytes = 1 << 20
	// inflated is about how many bytes a byte of an annotation becomes: two digits and a comma of run lengths are half a
	// run of 16 bytes.
	inflated = 4
)

// layers looks at all pictures in parallel.
func (w *walk) layers(ctx context.Context) error {
	rows, starts := w.byPicture()
	tasks := w.tasks(rows, starts)
	var mu sync.Mutex
	return w.pass.Parallel(ctx, len(tasks), func(ctx context.Context, i int) error {
		at, _ := w.workers.Get().(*worker)
		if at == nil {
			at = &worker{walk: w}
		}
		defer w.workers.Put(at)
		for p := tasks[i][0]; p < tasks[i][1]; p++ {
			of := rows[starts[p]:starts[p+1]]
			if len(of) == 0 && !w.pictures[p].listed {
				continue
			}
			at.syntax = at.syntax[:0]
			if err := at.layer(ctx, &w.pictures[p], of); err != nil {
				return err
			}
			mu.Lock()
			for _, err := range at.syntax {
				w.broken.add(err)
			}
			mu.Unlock()
		}
		return nil
	})
}

// tasks are ranges of pictures.
func (w *walk) tasks(rows []uint32, starts []int) (tasks [][2]int) {
	first, size := 0, int64(0)
	for p := range w.pictures {
		for _, row := range rows[starts[p]:starts[p+1]] {
			size += int64(w.spans[row].size)
		}
		if size >= taskBytes || p == len(w.pictures)-1 {
			tasks = append(tasks, [2]int{first, p + 1})
			first, size = p+1, 0
		}
	}
	return tasks
}

// worker makes layers. All that it makes is used again.
type worker struct {
	*walk
	decoder
	buf       []byte
	rec       record
	instances []validate.Instance
	pointers  []*validate.Instance
	facts     []facts
	syntax    []error
}

// facts is what an instance points to.
type facts struct {
	row, id int64
	box     schemas.BBox
	record  drawn
	drawn   validate.Drawn
}

// instanceBytes is what an instance takes beside its mask and corners.
const instanceBytes = int64(unsafe.Sizeof(validate.Instance{})+unsafe.Sizeof(facts{})) + 8

// layer shows the layer of a picture, in parts where it does not fit into memory.
func (at *worker) layer(ctx context.Context, p *picture, rows []uint32) error {
	size := int64(0)
	for _, row := range rows {
		size += int64(at.spans[row].size)
	}
	budget := min(at.budget, inflated*size+int64(len(rows))*instanceBytes+taskBytes)
	if err := at.memory.Acquire(ctx, budget); err != nil {
		return err
	}
	defer at.memory.Release(budget)
	at.start(p, len(rows))
	held, parts := int64(0), 0
	err := at.read(ctx, rows, func(row uint32, data []byte) {
		if held > budget && budget == at.budget {
			at.show(ctx, p)
			at.start(p, len(rows))
			held = 0
			parts++
		}
		held += at.add(p, row, data)
	})
	if err != nil {
		return err
	}
	at.show(ctx, p)
	at.pass.Progress(size)
	if parts > 0 {
		at.syntax = append(at.syntax, fmt.Errorf("image %q: its %d annotations do not fit into memory together: they are looked at in %d parts, and "+
			"objects of different parts are not compared: raise --memory", p.name, len(rows), parts+1))
	}
	return nil
}

// read hands out the bytes of annotations, in the order of the file.
func (at *worker) read(ctx context.Context, rows []uint32, each func(row uint32, data []byte)) error {
	for len(rows) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		first := at.spans[rows[0]]
		n, end := 1, first.offset+int64(first.size)
		for ; n < len(rows); n++ {
			s := at.spans[rows[n]]
			if to := s.offset + int64(s.size); s.offset-end > gap || to-first.offset > readBytes {
				break
			} else {
				end = to
			}
		}
		at.buf = slices.Grow(at.buf[:0], int(end-first.offset))[:end-first.offset]
		if _, err := at.file.ReadAt(at.buf, first.offset); err != nil {
			return fmt.Errorf("annotations at byte %d: %w", first.offset, err)
		}
		for _, row := range rows[:n] {
			s := at.spans[row]
			if s.size > 0 { // else it was no object
				each(row, at.buf[s.offset-first.offset:][:s.size])
			}
		}
		rows = rows[n:]
	}
	return nil
}

// start makes room for instances.
func (at *worker) start(p *picture, n int) {
	at.reset()
	at.h, at.w = p.h, p.w
	at.instances, at.facts = slices.Grow(at.instances[:0], n), slices.Grow(at.facts[:0], n)
}

// add decodes an annotation into an instance and says how many bytes that takes.
func (at *worker) add(p *picture, row uint32, data []byte) int64 {
	rec := &at.rec
	if err := at.decode(jsonscan.NewCursor(data, at.spans[row].offset), rec); err != nil {
		at.syntax = append(at.syntax, fmt.Errorf("annotations[%d]: %w", row, err))
		return 0
	}
	// Within their capacity, so what points into them stays.
	at.instances, at.facts = append(at.instances, validate.Instance{}), append(at.facts, facts{row: int64(row)})
	in, f := &at.instances[len(at.instances)-1], &at.facts[len(at.facts)-1]
	in.Place = validate.Place{Target: at.target.path, Sample: p.name, Row: &f.row}
	in.Kind, in.Axes, in.Shape, in.Classes = validate.Tissue, "YX", [3]int{1, p.h, p.w}, at.classes
	in.Mask, in.MaskErr, in.Errs, in.Rings, in.Crowd = rec.mask, rec.maskErr, rec.errs, rec.rings, rec.crowd
	if fatal := at.keyErrors(rec, p, f.row); fatal != nil && in.Mask == nil && in.MaskErr == nil {
		in.MaskErr = fatal
	}
	if rec.good(hasID) {
		f.id = rec.id
		in.ID, in.Instance = rec.id, &f.id
	}
	if len(in.Mask) > 0 {
		f.box = in.Mask.BBox()
		in.Place.BBox = &f.box
	}
	f.record, in.Drawn = rec.drawn, &f.drawn
	if rec.good(hasBBox) {
		f.drawn.BBox = &f.record.bbox
	}
	if rec.good(hasArea) {
		f.drawn.Area = &f.record.area
	}
	if rec.good(hasCategory) {
		in.Class = at.class(rec.category)
	}
	in.Claim = schemas.Instance{SampleID: p.name, InstanceID: in.ID, Class: in.Class}
	points := 0
	for _, r := range in.Rings {
		points += len(r)
	}
	return instanceBytes + int64(len(in.Mask))*int64(unsafe.Sizeof(mask.Run{})) + int64(points)*int64(unsafe.Sizeof(mask.Vertex{}))
}

// class is the name of a category, or, of one that is not defined, what it is called in the file.
func (x *index) class(id int64) *string {
	if name, ok := x.categories[id]; ok {
		return name
	}
	name := fmt.Sprintf("category_id %d", id)
	return &name
}

// show shows the layer of the instances that there are.
func (at *worker) show(ctx context.Context, p *picture) {
	at.pointers = at.pointers[:0]
	for i := range at.instances {
		at.pointers = append(at.pointers, &at.instances[i])
	}
	slices.SortStableFunc(at.pointers, func(a, b *validate.Instance) int { return cmp.Compare(a.ID, b.ID) })
	if p.h == 0 { // no layer of anything
		for _, in := range at.pointers {
			at.pass.Instance(ctx, in)
		}
		return
	}
	at.pass.Layer(ctx, &validate.Layer{
		Place: validate.Place{Target: at.target.path, Sample: p.name}, Kind: validate.Tissue, Axes: "YX", Shape: []int{p.h, p.w},
		Instances: at.pointers, Classes: at.classes,
	})
}

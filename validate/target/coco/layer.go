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
	taskBytes = 2 << 20
	// gap is how far annotations may lie apart to be read at once.
	gap = 1 << 10
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
		t := tasks[i]
		at.first, at.starts = t[0], starts[t[0]:t[1]+1]
		at.syntax = at.syntax[:0]
		if err := at.task(ctx, rows[starts[t[0]]:starts[t[1]]]); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, err := range at.syntax {
			w.broken.add(err)
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

// worker makes the layers of a range of pictures. All that it makes is used again.
type worker struct {
	*walk
	decoder
	first     int   // picture
	starts    []int // of each picture, in the rows of all pictures, and one more
	slots     []int32
	buf       []byte
	rec       record
	instances []validate.Instance // a slot for each annotation, by picture; without a row where there is none
	pointers  []*validate.Instance
	facts     []facts // of each slot
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

// task shows the layers of pictures, in parts where they do not fit into memory. rows are those of their annotations, by picture.
func (at *worker) task(ctx context.Context, rows []uint32) error {
	size := int64(0)
	for _, row := range rows {
		size += int64(at.spans[row].size)
	}
	budget := min(at.budget, inflated*size+int64(len(rows))*instanceBytes+taskBytes)
	if err := at.memory.Acquire(ctx, budget); err != nil {
		return err
	}
	defer at.memory.Release(budget)
	at.start(len(rows))
	held, parts := int64(0), 1
	err := at.read(ctx, rows, func(slot int32, data []byte) {
		if held > budget && budget == at.budget {
			at.show(ctx)
			at.start(len(rows))
			held = 0
			parts++
		}
		held += at.add(slot, rows[slot], data)
	})
	if err != nil {
		return err
	}
	at.show(ctx)
	at.pass.Progress(size)
	if parts > 1 {
		at.syntax = append(at.syntax, fmt.Errorf("image %q: the %d annotations of it and those read with it do not fit into memory together: they are looked at "+
			"in %d parts, and objects of different parts are not compared: raise --memory", at.pictures[at.first].name, len(rows), parts))
	}
	return nil
}

// read hands out the slots of annotations and their bytes, in the order of the file.
func (at *worker) read(ctx context.Context, rows []uint32, each func(slot int32, data []byte)) error {
	at.slots = at.slots[:0]
	for i, row := range rows {
		if at.spans[row].size > 0 { // else it is no object
			at.slots = append(at.slots, int32(i))
		}
	}
	slices.SortFunc(at.slots, func(a, b int32) int { return cmp.Compare(rows[a], rows[b]) })
	for slots := at.slots; len(slots) > 0; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		first := at.spans[rows[slots[0]]]
		n, end := 1, first.offset+int64(first.size)
		for ; n < len(slots); n++ {
			s := at.spans[rows[slots[n]]]
			to := s.offset + int64(s.size)
			if s.offset-end > gap || to-first.offset > readBytes {
				break
			}
			end = to
		}
		at.buf = slices.Grow(at.buf[:0], int(end-first.offset))[:end-first.offset]
		if _, err := at.file.ReadAt(at.buf, first.offset); err != nil {
			return fmt.Errorf("annotations at byte %d: %w", first.offset, err)
		}
		for _, slot := range slots[:n] {
			s := at.spans[rows[slot]]
			each(slot, at.buf[s.offset-first.offset:][:s.size])
		}
		slots = slots[n:]
	}
	return nil
}

// start makes empty slots.
func (at *worker) start(n int) {
	at.reset()
	at.instances, at.facts = slices.Grow(at.instances[:0], n)[:n], slices.Grow(at.facts[:0], n)[:n]
	clear(at.instances)
}

// add decodes an annotation into an instance and says how many bytes that takes.
func (at *worker) add(slot int32, row uint32, data []byte) int64 {
	rec, p := &at.rec, &at.pictures[at.spans[row].picture]
	at.h, at.w = p.h, p.w
	if err := at.decode(jsonscan.NewCursor(data, at.spans[row].offset), rec); err != nil {
		at.syntax = append(at.syntax, fmt.Errorf("annotations[%d]: %w", row, err))
		return 0
	}
	in, f := &at.instances[slot], &at.facts[slot]
	*f = facts{row: int64(row)}
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

// show shows the layers of the instances that there are.
func (at *worker) show(ctx context.Context) {
	for i := range at.starts[1:] {
		p := &at.pictures[at.first+i]
		at.pointers = at.pointers[:0]
		for slot := at.starts[i] - at.starts[0]; slot < at.starts[i+1]-at.starts[0]; slot++ {
			if in := &at.instances[slot]; in.Row != nil {
				at.pointers = append(at.pointers, in)
			}
		}
		if len(at.pointers) > 0 || p.listed {
			at.layer(ctx, p)
		}
	}
}

// layer shows the layer of a picture, or, of one without extents, its instances.
func (at *worker) layer(ctx context.Context, p *picture) {
	slices.SortStableFunc(at.pointers, func(a, b *validate.Instance) int { return cmp.Compare(a.ID, b.ID) })
	if p.h == 0 {
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

package vqa

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// Target is a file or folder of questions.
type Target struct{ location string }

// New is the target at a location on this machine.
func New(location string) *Target { return &Target{location} }

// Name implements validate.Target.
func (t *Target) Name() string { return t.location }

// Walk implements validate.Target. The error joins what could not be read, at most maxProblems of it.
func (t *Target) Walk(ctx context.Context, p *validate.Pass) (err error) {
	o, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.store.Close()) }()
	w := &walk{
		target: t.location, opened: o, pass: p, samples: map[uint64]bool{}, questions: map[uint64]bool{},
		decode: p.WantsRule("SP001") || p.WantsRule("SP002"),
		probe:  p.Wants(validate.Instances),
	}
	for _, problem := range o.problems {
		w.problem(problem)
	}
	for _, in := range o.inputs {
		if err := w.input(ctx, in); err != nil {
			return err
		}
	}
	if n := w.unread - len(w.problems); n > 0 {
		w.problems = append(w.problems, fmt.Errorf("%d more items or pictures cannot be read", n))
	}
	return errors.Join(w.problems...)
}

// maxProblems is how many things that cannot be read are told one by one.
const maxProblems = 20

// walk is one way through a target.
type walk struct {
	target        string
	opened        *opened
	pass          *validate.Pass
	decode, probe bool // pictures: all of them, or their size alone

	samples   map[uint64]bool // digests of the ids that were shown
	questions map[uint64]bool
	problems  []error
	unread    int

	// Of the input at hand.
	layout *layout
	at     map[string]int // of the columns wanted, by name; nil for an untyped input
	source itemfile.Input
	rows   int64
	lines  int
	file   validate.File
	batch  []*item
	bytes  int64
}

// problem notes something that cannot be read.
func (w *walk) problem(err error) {
	if w.unread++; len(w.problems) < maxProblems {
		w.problems = append(w.problems, err)
	}
}

// input shows a file.
func (w *walk) input(ctx context.Context, in itemfile.Input) error {
	columns, err := w.opened.columns(ctx, in)
	if err != nil {
		return err
	}
	if w.layout, err = guessLayout(columns); err != nil {
		w.problem(fmt.Errorf("%s: %w", in.Name(), err))
		return nil
	}
	w.file = validate.File{Place: w.place(in.Name()), Format: "questions", Columns: map[string]bool{}}
	for _, o := range w.layout.m.Objects {
		if slices.ContainsFunc(columns, func(c schemas.Column) bool { return c.Name == o.Column }) {
			w.file.Columns[o.Column] = false
		}
	}
	w.source, w.rows, w.lines = in, 0, 0
	wanted := w.want(columns)
	for u, unit := range in.Units() {
		begin := w.rows
		lines := w.lines
		err := in.Read(ctx, u, wanted, func(r itemfile.Record) error {
			r.Row = w.rows
			w.rows++
			if r.Line > 0 {
				w.lines = lines + r.Line
				r.Line = w.lines
			}
			return w.record(ctx, r)
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			w.problem(err)
			w.rows = max(w.rows, begin+unit.Rows)
		}
		w.pass.Progress(unit.Bytes)
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	w.pass.File(ctx, &w.file)
	return nil
}

// want chooses the columns to read: pictures are left out where nobody looks at them. Items without types come
// with all they have.
func (w *walk) want(columns []schemas.Column) (wanted []int) {
	w.at, w.layout.classes = nil, map[string][]string{}
	for _, c := range columns {
		w.layout.classes[c.Name] = c.Classes
	}
	if w.source.Untyped() {
		return nil
	}
	w.at = map[string]int{}
	for i, c := range columns {
		if c.Name != w.layout.m.Image || w.pictures() {
			w.at[c.Name] = len(wanted)
			wanted = append(wanted, i)
		}
	}
	return wanted
}

// pictures reports whether anybody looks at pictures.
func (w *walk) pictures() bool { return w.decode || w.probe }

func (w *walk) place(file string) validate.Place {
	p := validate.Place{Target: w.target, Dataset: w.layout.dataset}
	if w.opened.folder {
		p.File = file
	}
	return p
}

// record takes an item up.
func (w *walk) record(ctx context.Context, r itemfile.Record) error {
	if r.Err != nil {
		var told *itemfile.Error
		if err := r.Err; !errors.As(err, &told) {
			r.Err = &itemfile.Error{File: r.File, Row: r.Row, Err: err}
		}
		w.problem(r.Err)
		return nil
	}
	it := w.item(ctx, r)
	w.batch = append(w.batch, it)
	for _, img := range it.images {
		w.bytes += int64(len(img.Bytes))
	}
	if w.bytes >= min(16<<20, w.pass.Memory()/16) || len(w.batch) >= 512 {
		return w.flush(ctx)
	}
	return nil
}

// flush decodes the pictures of the items that wait and shows the items in order.
func (w *walk) flush(ctx context.Context) error {
	batch := w.batch
	w.batch, w.bytes = nil, 0
	err := w.pass.Parallel(ctx, len(batch), func(_ context.Context, i int) error {
		batch[i].look(w.layout.m.Image, w.decode)
		return nil
	})
	if err != nil {
		return err
	}
	for _, it := range batch {
		for _, err := range it.unread {
			w.problem(err)
		}
		w.show(ctx, it)
	}
	return nil
}

// look decodes the pictures, or reads their headers.
func (it *item) look(column string, decode bool) {
	for i, img := range it.images {
		if img.Bytes == nil {
			continue
		}
		s := it.samples[i]
		info, err := picture.Probe(img.Bytes)
		if err == nil {
			s.Shape = []int64{int64(info.Height), int64(info.Width)}
		}
		if err == nil && decode {
			var pixels *picture.Pixels
			if pixels, err = picture.Decode(img.Bytes); err == nil {
				s.Pixels, s.Perceptual = pixels.Digest(), pixels.Hash()
			} else if errors.Is(err, picture.ErrUnsupported) {
				err = nil // no fault of the item
			}
		}
		if err != nil {
			it.fail(column, err)
		}
		it.images[i].Bytes = nil
	}
}

// show shows what an item holds. The rows of one sample show it once.
func (w *walk) show(ctx context.Context, it *item) {
	for i, s := range it.samples {
		picture := "without"
		if s.Pixels != 0 {
			picture = "with"
		}
		if again := w.seen(w.samples, s.SampleID, picture); !again {
			w.pass.Sample(ctx, s)
		} else if i == 0 && !w.layout.rows() {
			w.twice(w.layout.m.ID, s.SampleID, it.record.Row)
		}
	}
	for _, q := range it.questions {
		if w.layout.rows() && w.layout.questionID != "" && w.seen(w.questions, it.id, q.QuestionID) {
			w.twice(w.layout.questionID, q.QuestionID, it.record.Row)
		}
		w.pass.Question(ctx, q)
	}
	if !w.pass.Wants(validate.Instances) {
		return
	}
	for _, in := range w.instances(it) {
		w.pass.Instance(ctx, in)
	}
}

// seen reports whether a key was there before. Of keys nothing is kept but a digest.
func (w *walk) seen(keys map[uint64]bool, parts ...string) bool {
	h := xxhash.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	again := keys[h.Sum64()]
	keys[h.Sum64()] = true
	return again
}

// maxKeys is how many keys that are there twice are told one by one.
const maxKeys = 1000

func (w *walk) twice(key, value string, row int64) {
	if len(w.file.Keys) == maxKeys {
		w.file.Keys[maxKeys-1].Rows++
		return
	}
	w.file.Keys = append(w.file.Keys, &validate.KeyError{Table: "items", Key: key, Value: value, Problem: "is taken twice", Row: row, Rows: 1})
}

package vqa

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// linesPerUnit is about how many bytes of lines make a unit.
const linesPerUnit = 32 << 20

// linesInput is a JSON Lines file; its units are runs of lines.
type linesInput struct {
	object
	in    string
	cols  []schemas.Column
	parts []unit
	at    []int64 // where each unit begins in the file
}

func (in *linesInput) name() string              { return in.info.Key }
func (in *linesInput) split() string             { return in.in }
func (in *linesInput) columns() []schemas.Column { return in.cols }
func (in *linesInput) untyped() bool             { return true }
func (in *linesInput) units() []unit             { return in.parts }

func (in *linesInput) learn(columns []schemas.Column, rows []int64) {
	in.cols = columns
	first := int64(0)
	for u, n := range rows {
		in.parts[u].first, in.parts[u].rows = first, n
		first += n
	}
}

// openLines cuts the file into units at ends of lines. Rows are counted by the survey.
func openLines(ctx context.Context, o object, split string) (in *linesInput, err error) {
	in = &linesInput{object: o, in: split}
	r, size, err := o.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for at := int64(0); at < size; {
		end, err := lineEnd(r, min(at+linesPerUnit, size), size)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.info.Key, err)
		}
		in.at = append(in.at, at)
		in.parts = append(in.parts, unit{bytes: end - at})
		at = end
	}
	return in, nil
}

// lineEnd is where the line ends that holds the byte before at.
func lineEnd(r io.ReaderAt, at, size int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for at--; at < size; {
		n := min(int64(len(buf)), size-at)
		if _, err := r.ReadAt(buf[:n], at); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
		at += n
	}
	return size, nil
}

func (in *linesInput) read(ctx context.Context, u int, wanted []int, yield func(record) error) (err error) {
	r, _, err := in.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	part := in.parts[u]
	lines := bufio.NewReaderSize(io.NewSectionReader(r, in.at[u], part.bytes), 1<<20)
	row := part.first
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		rec := record{file: in.info.Key, row: row, number: row, err: err}
		if err != nil && !errors.Is(err, errLongLine) {
			return err
		}
		if err == nil {
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			rec.item, rec.order, rec.err = decodeObject(line)
			rec.values = pick(in.cols, rec.item, wanted)
		}
		row++
		if err := yield(rec); err != nil {
			return err
		}
	}
}

var errLongLine = fmt.Errorf("a line of more than %d bytes", maxItem)

// readLine reads a line without its end; one that is too long is read over.
func readLine(r *bufio.Reader) (line []byte, err error) {
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxItem; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(line) > 0 || long), err == nil:
			if long {
				return nil, errLongLine
			}
			return bytes.TrimSuffix(line, []byte("\n")), nil
		}
		return nil, err
	}
}

// decodeObject decodes a JSON object; order are its names as they stand.
func decodeObject(text []byte) (item map[string]any, order []string, err error) {
	list, err := members(text)
	if err != nil {
		return nil, nil, fmt.Errorf("not a JSON object: %w", err)
	}
	item = make(map[string]any, len(list))
	for _, m := range list {
		d := json.NewDecoder(bytes.NewReader(m.value))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, nil, err
		}
		if _, twice := item[m.name]; twice {
			return nil, nil, fmt.Errorf("member %q stands twice", m.name)
		}
		item[m.name] = v
		order = append(order, m.name)
	}
	return item, order, nil
}

// pick takes the values of the columns wanted out of an item; nil stands for all columns.
func pick(columns []schemas.Column, item map[string]any, wanted []int) []any {
	if wanted == nil {
		values := make([]any, len(columns))
		for i := range columns {
			values[i] = item[columns[i].Name]
		}
		return values
	}
	values := make([]any, len(wanted))
	for k, i := range wanted {
		values[k] = item[columns[i].Name]
	}
	return values
}

// jsonInput is a folder of JSON documents, one an image, in the layout of earlier releases
// of mu-Bench: see flatten. Each document is a unit.
type jsonInput struct {
	store store.Store
	in    string
	docs  []store.Info
	cols  []schemas.Column
	parts []unit
}

func newJSONInput(s store.Store, split string, docs []store.Info, images int64) *jsonInput {
	in := &jsonInput{store: s, in: split, docs: docs}
	for i, d := range docs {
		in.parts = append(in.parts, unit{first: int64(i), rows: 1, bytes: d.Size + images/int64(len(docs))})
	}
	return in
}

func (in *jsonInput) name() string              { return "JSON documents of split " + in.in }
func (in *jsonInput) split() string             { return in.in }
func (in *jsonInput) columns() []schemas.Column { return in.cols }
func (in *jsonInput) untyped() bool             { return true }
func (in *jsonInput) units() []unit             { return in.parts }

func (in *jsonInput) learn(columns []schemas.Column, _ []int64) { in.cols = columns }

func (in *jsonInput) read(ctx context.Context, u int, wanted []int, yield func(record) error) error {
	rec := record{file: in.docs[u].Key, number: int64(u), document: true}
	text, err := in.store.Get(ctx, rec.file, nil, maxItem)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		rec.item, rec.order, err = decodeObject(text)
	}
	if err == nil {
		rec.item, rec.order = flatten(rec.item, rec.order)
		rec.values = pick(in.cols, rec.item, wanted)
	}
	rec.err = err
	return yield(rec)
}

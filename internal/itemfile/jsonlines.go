package itemfile

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
	Object
	in    string
	cols  []schemas.Column
	parts []Unit
	at    []int64 // where each unit begins in the file
}

func (in *linesInput) Name() string              { return in.Info.Key }
func (in *linesInput) Split() string             { return in.in }
func (in *linesInput) Columns() []schemas.Column { return in.cols }
func (in *linesInput) Untyped() bool             { return true }
func (in *linesInput) Units() []Unit             { return in.parts }

func (in *linesInput) Learn(columns []schemas.Column, rows []int64) {
	in.cols = columns
	first := int64(0)
	for u, n := range rows {
		in.parts[u].First, in.parts[u].Rows = first, n
		first += n
	}
}

// openLines cuts the file into units at ends of lines. Rows are counted by the survey.
func openLines(ctx context.Context, o Object, split string) (in *linesInput, err error) {
	in = &linesInput{Object: o, in: split}
	r, size, err := o.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for at := int64(0); at < size; {
		end, err := lineEnd(r, min(at+linesPerUnit, size), size)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Info.Key, err)
		}
		in.at = append(in.at, at)
		in.parts = append(in.parts, Unit{Bytes: end - at})
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

func (in *linesInput) Read(ctx context.Context, u int, wanted []int, yield func(Record) error) (err error) {
	r, _, err := in.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	part := in.parts[u]
	lines := bufio.NewReaderSize(io.NewSectionReader(r, in.at[u], part.Bytes), 1<<20)
	row := part.First
	for at := 1; ; at++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		rec := Record{File: in.Info.Key, Row: row, Line: at, Number: row, Err: err}
		if err != nil && !errors.Is(err, errLongLine) {
			return err
		}
		if err == nil {
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			rec.Item, rec.Order, rec.Err = decodeObject(line)
			rec.Values = pick(in.cols, rec.Item, wanted)
		}
		row++
		if err := yield(rec); err != nil {
			return err
		}
	}
}

var errLongLine = fmt.Errorf("a line of more than %d bytes", MaxItem)

// readLine reads a line without its end; one that is too long is read over.
func readLine(r *bufio.Reader) (line []byte, err error) {
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > MaxItem; long {
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
	parts []Unit
}

// NewDocuments is a folder of documents of a split; images is about the bytes of the pictures that they name, all together.
func NewDocuments(s store.Store, split string, docs []store.Info, images int64) Input {
	in := &jsonInput{store: s, in: split, docs: docs}
	for i, d := range docs {
		in.parts = append(in.parts, Unit{First: int64(i), Rows: 1, Bytes: d.Size + images/int64(len(docs))})
	}
	return in
}

func (in *jsonInput) Name() string              { return "JSON documents of split " + in.in }
func (in *jsonInput) Split() string             { return in.in }
func (in *jsonInput) Columns() []schemas.Column { return in.cols }
func (in *jsonInput) Untyped() bool             { return true }
func (in *jsonInput) Units() []Unit             { return in.parts }

func (in *jsonInput) Learn(columns []schemas.Column, _ []int64) { in.cols = columns }

func (in *jsonInput) Read(ctx context.Context, u int, wanted []int, yield func(Record) error) error {
	rec := Record{File: in.docs[u].Key, Number: int64(u), Document: true}
	text, err := in.store.Get(ctx, rec.File, nil, MaxItem)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		rec.Item, rec.Order, err = decodeObject(text)
	}
	if err == nil {
		rec.Item, rec.Order = flatten(rec.Item, rec.Order)
		rec.Values = pick(in.cols, rec.Item, wanted)
	}
	rec.Err = err
	return yield(rec)
}

package coco

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/durable"
	"github.com/micropq/micropq/internal/jsonscan"
	"github.com/micropq/micropq/validate"
)

// claims is the rule whose findings are mended: the box or the area of an annotation, which the finding's Detail names,
// becomes that of its mask.
const claims = "LB009"

// fixMemory bounds what mending holds of a file.
const fixMemory = 1 << 30

// patch is bytes of a file that become others.
type patch struct {
	offset, size int64
	text         string
}

// Fix implements validate.Fixer. It writes boxes and areas of masks into the file; every other byte stays. A file that
// has changed since it was validated is left as it is.
func (t *Target) Fix(ctx context.Context, findings []*validate.Finding) (int, error) {
	byRow := map[int64][]*validate.Finding{}
	n := 0
	for _, f := range findings {
		if f.Rule == claims && f.Target == t.path && f.Row != nil && f.Fix != nil && f.Fix.Safe {
			byRow[*f.Row] = append(byRow[*f.Row], f)
			n++
		}
	}
	if n == 0 {
		return 0, nil
	}
	// The file is replaced where it lies, not a link to it.
	path, err := filepath.EvalSymlinks(t.path)
	if err != nil {
		return 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if err := mend(ctx, file, path, byRow); err != nil {
		return 0, fmt.Errorf("%s: %w", t.path, err)
	}
	return n, nil
}

func mend(ctx context.Context, file *os.File, path string, byRow map[int64][]*validate.Finding) error {
	x, err := readIndex(ctx, file, fixMemory)
	if err != nil {
		return err
	}
	var patches []patch
	for _, row := range slices.Sorted(maps.Keys(byRow)) {
		ps, err := x.patches(file, row, byRow[row])
		if err != nil {
			return err
		}
		patches = append(patches, ps...)
	}
	slices.SortFunc(patches, func(a, b patch) int { return cmp.Compare(a.offset, b.offset) })
	return replace(ctx, file, path, patches)
}

// patches are what mends an annotation.
func (x *index) patches(file io.ReaderAt, row int64, findings []*validate.Finding) (list []patch, err error) {
	changed := fmt.Errorf("annotations[%d] is no longer as it was: validate the file again", row)
	if row < 0 || row >= int64(len(x.spans)) || x.spans[row].size == 0 {
		return nil, changed
	}
	s := x.spans[row]
	data := make([]byte, s.size)
	if _, err := file.ReadAt(data, s.offset); err != nil {
		return nil, err
	}
	var rec record
	d := decoder{h: x.pictures[s.picture].h, w: x.pictures[s.picture].w}
	if err := d.decode(jsonscan.NewCursor(data, s.offset), &rec); err != nil {
		return nil, err
	}
	in := validate.Instance{Mask: rec.mask}
	if rec.good(hasCategory) {
		in.Class = x.class(rec.category)
	}
	texts := map[string]string{}
	for _, f := range findings {
		box := rec.mask.BBox()
		switch {
		case len(rec.mask) == 0 || f.Content != in.Content():
			return nil, changed
		case f.Detail == "bbox":
			texts["bbox"] = fmt.Sprintf("[%d, %d, %d, %d]", box.X0, box.Y0, box.X1-box.X0, box.Y1-box.Y0)
		case f.Detail == "area":
			texts["area"] = fmt.Sprint(rec.mask.Area())
		default:
			return nil, fmt.Errorf("annotations[%d]: nothing mends %q", row, f.Detail)
		}
	}
	c := jsonscan.NewCursor(data, s.offset)
	err = c.Object(func(name []byte) error {
		text, ok := texts[string(name)]
		if !ok {
			return c.Skip()
		}
		c.Peek()
		from := c.Offset()
		old, err := c.Raw()
		if bytes.Contains(old, []byte(",")) && !bytes.Contains(old, []byte(", ")) { // as the file has it
			text = strings.ReplaceAll(text, ", ", ",")
		}
		list = append(list, patch{from, int64(len(old)), text})
		return err
	})
	return list, err
}

// replace puts a copy of a file in its place, with patches, which are sorted. The file is closed.
func replace(ctx context.Context, file *os.File, path string, patches []patch) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(path), ".micropq-fix-*")
	if err != nil {
		return err
	}
	err = copyPatched(ctx, out, file, info.Size(), patches)
	err = errors.Join(err, out.Chmod(info.Mode().Perm()), out.Sync(), out.Close(), file.Close())
	if err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(out.Name()))
	}
	return durable.SyncDir(filepath.Dir(path))
}

// piece is what is copied between two looks at the context.
const piece = 16 << 20

func copyPatched(ctx context.Context, out io.Writer, file io.ReaderAt, size int64, patches []patch) error {
	at := int64(0)
	keep := func(to int64) error {
		for at < to {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			n, err := io.Copy(out, io.NewSectionReader(file, at, min(to-at, piece)))
			if at += n; err != nil {
				return err
			} else if n == 0 {
				return io.ErrUnexpectedEOF
			}
		}
		return nil
	}
	for _, p := range patches {
		if err := keep(p.offset); err != nil {
			return err
		}
		if _, err := io.WriteString(out, p.text); err != nil {
			return err
		}
		at += p.size
	}
	return keep(size)
}

package coco

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/micropq/micropq/internal/jsonscan"
)

// span is where the record of an annotation lies.
type span struct {
	offset  int64
	size    uint32
	picture int32
}

// noID stands for an id that is missing or no integer.
const noID = -1 << 63

// picture is an image.
type picture struct {
	id      int64
	name    string
	h, w    int // 0 where unknown
	listed  bool
	noSize  bool // it is listed without extents that can be
	records int  // how many annotations it has
}

// The limits of an image: a slide of one metre at 0.25 um per pixel.
const maxSide = 1 << 22

// index is what the first reading of a file leaves.
type index struct {
	size       int64           // of the file
	bytes      int64           // of annotations
	has        map[string]bool // members of the file that were read to their end
	pictures   []picture       // the first is that of annotations which name none
	byID       map[int64]int32
	categories map[int64]*string
	spans      []span  // by row
	ids        []int64 // by row
	keys       keys
	complete   bool // read to its end: what is not there is missing
}

// annotationBytes is what an index holds of an annotation, the order by pictures included.
const annotationBytes = 16 + 8 + 4

// reading is an index in the making.
type reading struct {
	*index
	ctx    context.Context
	r      *jsonscan.Reader
	memory int64 // bytes that it may hold
	held   int64
	last   int32 // picture of the annotation before
}

// readIndex reads a file for the first time, holding up to memory bytes. Where it fails, the index has what came before.
func readIndex(ctx context.Context, f *os.File, memory int64) (*index, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	x := &reading{ctx: ctx, memory: memory, r: jsonscan.NewReader(io.NewSectionReader(f, 0, info.Size()), int(min(memory/2, 1<<30, info.Size()+1)))}
	x.index = &index{
		size: info.Size(), has: map[string]bool{}, pictures: make([]picture, 1), byID: map[int64]int32{}, categories: map[int64]*string{},
	}
	err = x.r.Object(x.member)
	if err == nil {
		err = x.r.End()
	}
	x.complete = err == nil
	x.finish()
	return x.index, err
}

// hold counts bytes that stay.
func (x *reading) hold(bytes int64) error {
	if x.held += bytes; x.held > x.memory {
		return fmt.Errorf("at byte %d: the lists of the file take more than %d bytes: raise --memory", x.r.Offset(), x.memory)
	}
	return context.Cause(x.ctx)
}

func (x *reading) member(name string) (err error) {
	record := map[string]func(c *jsonscan.Cursor, row int64) error{
		"images": x.image, "categories": x.category, "annotations": x.annotation,
	}[name]
	if record == nil {
		return x.r.Skip()
	}
	if x.has[name] {
		x.keys.add(key{"", name, "", "is taken twice: of several lists most programs read the last"}, 0)
	}
	if b, err := x.r.Peek(); err != nil {
		return err
	} else if b != '[' {
		x.keys.add(key{"", name, "", "is no list"}, 0)
		return x.r.Skip()
	}
	row := int64(0)
	err = x.r.Array(func(c *jsonscan.Cursor) error {
		if c.Peek() != '{' && c.Peek() != 0 {
			if err := c.Skip(); err != nil {
				return err
			}
			x.keys.add(key{name, "", "", "is no object"}, row)
			if name == "annotations" { // so that rows stay rows
				x.add(span{offset: c.Offset()}, noID)
			}
		} else if err := record(c, row); err != nil {
			return err
		}
		row++
		return nil
	})
	x.has[name] = err == nil
	return err
}

// image reads a record of images.
func (x *reading) image(c *jsonscan.Cursor, row int64) error {
	p := picture{id: noID}
	seen := map[string]bool{}
	sides := [2]int64{}
	err := c.Object(func(name []byte) (err error) {
		ok := false
		switch string(name) {
		case "id":
			p.id, ok, err = c.TryInt()
		case "file_name":
			p.name, ok, err = c.TryString()
		case "height":
			sides[0], ok, err = c.TryInt()
		case "width":
			sides[1], ok, err = c.TryInt()
		default:
			return c.Skip()
		}
		seen[string(name)] = ok
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"id", "file_name", "height", "width"} {
		x.keys.check("images", name, row, seen)
	}
	for i, n := range sides {
		if name := [2]string{"height", "width"}[i]; seen[name] && (n < 1 || n > maxSide) {
			x.keys.add(key{"images", name, strconv.FormatInt(n, 10), fmt.Sprintf("is no side of an image: want 1 to %d", maxSide)}, row)
			p.noSize = true
		}
	}
	p.noSize = p.noSize || !seen["height"] || !seen["width"]
	if !p.noSize {
		p.h, p.w = int(sides[0]), int(sides[1])
	}
	if !seen["id"] {
		return nil
	}
	at := &x.pictures[x.pictureOf(p.id)]
	if at.listed {
		x.keys.add(key{"images", "id", strconv.FormatInt(p.id, 10), "is taken twice"}, row)
		return nil
	}
	if !seen["file_name"] {
		p.name = unnamed(p.id)
	}
	p.listed, p.records = true, at.records
	*at = p
	return x.hold(int64(len(p.name)))
}

// pictureBytes is about what a picture and its place in the map take.
const pictureBytes = 128

// pictureOf is the index of the picture with an id, which is made where there is none.
func (x *reading) pictureOf(id int64) int32 {
	if last := x.last; x.pictures[last].id == id && last > 0 {
		return last
	}
	i, ok := x.byID[id]
	if !ok {
		i = int32(len(x.pictures))
		x.byID[id] = i
		x.pictures = append(x.pictures, picture{id: id, name: unnamed(id)})
		x.held += pictureBytes
	}
	x.last = i
	return i
}

// unnamed is what an image without a name is called.
func unnamed(id int64) string { return fmt.Sprintf("image %d", id) }

// category reads a record of categories.
func (x *reading) category(c *jsonscan.Cursor, row int64) error {
	id, name := int64(noID), ""
	seen := map[string]bool{}
	err := c.Object(func(member []byte) (err error) {
		ok := false
		switch string(member) {
		case "id":
			id, ok, err = c.TryInt()
		case "name":
			name, ok, err = c.TryString()
		default:
			return c.Skip()
		}
		seen[string(member)] = ok
		return err
	})
	if err != nil {
		return err
	}
	x.keys.check("categories", "id", row, seen)
	x.keys.check("categories", "name", row, seen)
	if !seen["id"] {
		return nil
	}
	if _, ok := x.categories[id]; ok {
		x.keys.add(key{"categories", "id", strconv.FormatInt(id, 10), "is taken twice"}, row)
		return nil
	}
	for _, other := range x.categories {
		if seen["name"] && *other == name {
			x.keys.add(key{"categories", "name", strconv.Quote(name), "is taken twice: two ids stand for one class"}, row)
			break
		}
	}
	x.categories[id] = &name
	return x.hold(pictureBytes + int64(len(name)))
}

// annotation reads the id and the image of a record of annotations. All else is left for later, and so is to say what is wrong
// with one that is no JSON but ends where it seems to.
func (x *reading) annotation(c *jsonscan.Cursor, _ int64) error {
	from, mark := c.Offset(), c.Mark()
	id, image := int64(noID), int64(noID)
	err := c.Object(func(name []byte) error {
		to := &id
		switch string(name) {
		case "id":
		case "image_id":
			to = &image
		default:
			return c.Skim()
		}
		v, ok, err := c.TryInt()
		if ok {
			*to = v
		}
		return err
	})
	var syntax *jsonscan.SyntaxError
	if errors.As(err, &syntax) {
		c.Reset(mark)
		err = c.Skim()
	}
	if err != nil {
		return err
	}
	s := span{offset: from, size: uint32(c.Offset() - from)}
	if image != noID {
		s.picture = x.pictureOf(image)
	}
	x.add(s, id)
	return x.hold(annotationBytes)
}

func (x *reading) add(s span, id int64) {
	x.pictures[s.picture].records++
	x.spans, x.ids = append(x.spans, s), append(x.ids, id)
	x.bytes += int64(s.size)
}

// finish looks for what can be said only now.
func (x *reading) finish() {
	for _, name := range []string{"images", "categories", "annotations"} {
		if _, read := x.has[name]; !read && x.complete {
			x.keys.add(key{"", name, "", "is missing"}, 0)
		}
	}
	x.repeated()
}

// repeated reports annotation ids that are taken twice.
func (x *reading) repeated() {
	ascending := true
	for i := 1; i < len(x.ids) && ascending; i++ {
		ascending = x.ids[i-1] < x.ids[i]
	}
	if ascending {
		return
	}
	twice := map[int64]bool{}
	sorted := slices.Clone(x.ids)
	slices.Sort(sorted)
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] && sorted[i] != noID {
			twice[sorted[i]] = false
		}
	}
	if len(twice) == 0 {
		return
	}
	for row, id := range x.ids {
		if again, ok := twice[id]; ok && again {
			x.keys.add(key{"annotations", "id", strconv.FormatInt(id, 10), "is taken twice"}, int64(row))
		} else if ok {
			twice[id] = true
		}
	}
}

// byPicture is the rows of annotations in the order of their pictures, then of the file, with the index at which those of
// each picture begin, and one more.
func (x *index) byPicture() (rows []uint32, starts []int) {
	starts = make([]int, len(x.pictures)+1)
	for i := range x.pictures {
		starts[i+1] = starts[i] + x.pictures[i].records
	}
	next := slices.Clone(starts)
	rows = make([]uint32, len(x.spans))
	for row, s := range x.spans {
		rows[next[s.picture]] = uint32(row)
		next[s.picture]++
	}
	return rows, starts
}

// problems are errors of which some are kept.
type problems struct {
	list []error
	more int
}

const maxProblems = 20

func (p *problems) add(err error) {
	if len(p.list) < maxProblems {
		p.list = append(p.list, err)
	} else {
		p.more++
	}
}

// join is the errors as one, in order of their text, which begins with an offset.
func (p *problems) join() error {
	slices.SortFunc(p.list, func(a, b error) int {
		var s, t *jsonscan.SyntaxError
		if errors.As(a, &s) && errors.As(b, &t) {
			return cmp.Compare(s.Offset, t.Offset)
		}
		return cmp.Compare(a.Error(), b.Error())
	})
	if p.more > 0 {
		return errors.Join(append(p.list, fmt.Errorf("and %d more such places", p.more))...)
	}
	return errors.Join(p.list...)
}

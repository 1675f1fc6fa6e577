package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"strings"

	_ "golang.org/x/image/tiff"

	"github.com/micropq/micropq/internal/contactsheet"
	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/loaders"
)

// Contact sheets of data sets with questions.
const (
	sheetName    = "contact-sheet.png"
	sheetColumns = 4
	// cellQuestions is how many questions are shown of an image.
	cellQuestions = 2
)

// writeSheet draws the images of samples, at most limit of them and spread evenly, with
// their questions.
func writeSheet(ctx context.Context, d *loaders.Dataset, root *os.Root, q loaders.SampleQuery, limit int) (n int, err error) {
	var ids []string
	for s, err := range d.Samples(ctx, q) {
		if err != nil {
			return 0, err
		}
		ids = append(ids, s.SampleID)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	ids = spread(ids, limit)
	questions, err := questionsOf(ctx, d, q.Split, ids)
	if err != nil {
		return 0, err
	}
	var cells []contactsheet.Cell
	for s, err := range d.SampleImages(ctx, ids) {
		if err != nil {
			return 0, err
		}
		cell := contactsheet.Cell{Lines: append([]contactsheet.Line{{Text: s.SampleID}}, questions[s.SampleID]...)}
		if s.Image != nil {
			m, err := decodeForSheet(s.Image.Bytes)
			if err != nil {
				cell.Lines = append(cell.Lines, contactsheet.Line{Text: "the image cannot be shown: " + err.Error()})
			}
			cell.Image = m
		}
		cells = append(cells, cell)
	}
	sheet, err := contactsheet.Draw(cells, sheetColumns)
	if err != nil {
		return 0, err
	}
	part := "." + sheetName + ".part"
	if err := root.WriteFile(part, sheet, 0o666); err != nil {
		return 0, errors.Join(err, root.Remove(part))
	}
	return len(cells), root.Rename(part, sheetName)
}

// decodeForSheet decodes an image of a size that is sane.
func decodeForSheet(b []byte) (image.Image, error) {
	info, err := picture.Probe(b)
	if err != nil {
		return nil, err
	}
	if info.Width > picture.MaxPixels/info.Height {
		return nil, fmt.Errorf("%d by %d pixels", info.Width, info.Height)
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	return m, err
}

// spread picks so many of a list, the same distance apart.
func spread(ids []string, limit int) []string {
	if len(ids) <= limit {
		return ids
	}
	out := make([]string, limit)
	for i := range out {
		out[i] = ids[i*len(ids)/limit]
	}
	return out
}

// questionsOf are the first questions of samples as lines, the right option marked.
func questionsOf(ctx context.Context, d *loaders.Dataset, split string, ids []string) (map[string][]contactsheet.Line, error) {
	wanted := map[string]int{}
	for _, id := range ids {
		wanted[id] = cellQuestions
	}
	lines := map[string][]contactsheet.Line{}
	for v, err := range d.Questions(ctx, loaders.QuestionQuery{Split: split, Kind: "question"}) {
		if err != nil {
			return nil, err
		}
		if wanted[v.SampleID] == 0 || v.Question.Question == nil {
			continue
		}
		wanted[v.SampleID]--
		l := append(lines[v.SampleID], contactsheet.Line{Text: *v.Question.Question})
		for i, o := range v.Options {
			right := v.AnswerIndex != nil && int(*v.AnswerIndex) == i
			l = append(l, contactsheet.Line{Text: fmt.Sprintf("%s) %s", strings.ToUpper(string(rune('a'+i%26))), o), Strong: right})
		}
		if len(v.Options) == 0 && v.Answer != nil {
			l = append(l, contactsheet.Line{Text: *v.Answer, Strong: true})
		}
		lines[v.SampleID] = l
	}
	return lines, nil
}

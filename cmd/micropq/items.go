package main

import (
	"encoding/json"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/loaders"
)

func itemsCommand() *cli.Command {
	return &cli.Command{
		Name:      "items",
		Usage:     "print questions about images as JSON Lines",
		ArgsUsage: "DST",
		Description: `DST is a folder, a zip of one, or an HTTP(S) URL of either. What the bounds of pages
exclude is not read.

Example:

   micropq items --type modality --dataset jung_et_al_2022 ubench/`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "split", Usage: "train, val, test (default: all)"},
			&cli.StringFlag{Name: "kind", Usage: "question or caption (default: both)"},
			&cli.StringFlag{Name: "type", Usage: "what is asked for, such as modality (default: all)"},
			&cli.StringFlag{Name: "dataset", Usage: "source data set of the sample (default: all)"},
			&cli.IntFlag{Name: "limit", Usage: "print so many at most (default: all)"},
		},
		OnUsageError: onUsageError,
		Action:       runItems,
	}
}

// printedItem is a line of the output.
type printedItem struct {
	SampleID    string         `json:"sample_id"`
	QuestionID  string         `json:"question_id"`
	Kind        string         `json:"kind"`
	Type        *string        `json:"type"`
	Variant     *int32         `json:"variant,omitempty"`
	Question    *string        `json:"question"`
	Options     []string       `json:"options"`
	Answer      *string        `json:"answer"`
	AnswerIndex *int32         `json:"answer_index"`
	Tags        []string       `json:"tags,omitempty"`
	Extra       map[string]any `json:"extra,omitempty"`
}

func runItems(c *cli.Context) (err error) {
	paths, err := args(c, "DST")
	if err != nil {
		return err
	}
	limit := c.Int("limit")
	if limit < 0 {
		return usagef("--limit %d: want at least 0", limit)
	}
	d, err := loaders.Open(c.Context, paths[0], loaders.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	q := loaders.QuestionQuery{Split: c.String("split"), Kind: c.String("kind"), Type: c.String("type"), Dataset: c.String("dataset")}
	enc := json.NewEncoder(c.App.Writer)
	enc.SetEscapeHTML(false)
	n := 0
	for v, err := range d.Questions(c.Context, q) {
		if err != nil {
			return err
		}
		if err := enc.Encode(printedItem{v.SampleID, v.QuestionID, v.Kind, v.Type, v.Variant, v.Question.Question,
			v.Options, v.Answer, v.AnswerIndex, v.Tags, v.Extra}); err != nil {
			return err
		}
		if n++; n == limit {
			break
		}
	}
	return nil
}

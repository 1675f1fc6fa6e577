package loaders

import (
	"cmp"
	"context"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/schemas"
)

// ItemSummary counts the items of a data set with questions, over all splits. A name that
// is null in the data set is empty here.
type ItemSummary struct {
	Datasets   []Count `json:"datasets"`   // of the samples, as named or as repaired
	Modalities []Count `json:"modalities"` // of the samples, where the source has that column
	Questions  []Count `json:"questions"`  // by kind and type
}

// Count is how many rows have a value.
type Count struct {
	Kind      string `json:"kind,omitempty"` // of questions
	Name      string `json:"name"`
	Samples   int64  `json:"samples,omitempty"`
	Questions int64  `json:"questions,omitempty"`
}

// sampleFacets are the columns of samples that are counted.
type sampleFacets struct {
	Dataset  *string `parquet:"dataset,optional"`
	Resolved *string `parquet:"dataset_resolved,optional,dict"`
	Modality *string `parquet:"modality,optional,dict"`
}

// itemCounts counts while the tables are read.
type itemCounts struct {
	datasets, modalities, questions map[Count]*Count // by kind and name
}

// itemSummary counts the items of the data set; nil where it has no questions. It reads a few
// small columns.
func (d *Dataset) itemSummary(ctx context.Context) (*ItemSummary, error) {
	if d.manifest.Rows(schemas.QuestionsTable) == 0 {
		return nil, nil
	}
	c := itemCounts{map[Count]*Count{}, map[Count]*Count{}, map[Count]*Count{}}
	for _, s := range d.shards {
		for _, g := range s.groups() {
			var err error
			switch s.Table {
			case schemas.SamplesTable:
				err = c.samples(ctx, s, g)
			case schemas.QuestionsTable:
				err = c.asked(ctx, s, g)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return &ItemSummary{Datasets: sorted(c.datasets), Modalities: sorted(c.modalities), Questions: sorted(c.questions)}, nil
}

func (c *itemCounts) samples(ctx context.Context, s *shard, g rowGroup) error {
	modality, options := optionalText(g, "modality", "Modality")
	_, more := optionalText(g, resolvedColumn, "Resolved")
	for r, err := range rows[sampleFacets](ctx, s, g, append(options, more...)...) {
		if err != nil {
			return err
		}
		at(c.datasets, "", first(r.value.Dataset, r.value.Resolved)).Samples++
		if modality {
			at(c.modalities, "", first(r.value.Modality)).Samples++
		}
	}
	return nil
}

func (c *itemCounts) asked(ctx context.Context, s *shard, g rowGroup) error {
	_, options := optionalText(g, datasetColumn, "Dataset")
	_, more := optionalText(g, resolvedColumn, "Resolved")
	for r, err := range rows[questionKeys](ctx, s, g, append(options, more...)...) {
		if err != nil {
			return err
		}
		at(c.datasets, "", first(r.value.Dataset, r.value.Resolved)).Questions++
		at(c.questions, r.value.Kind, first(r.value.Type)).Questions++
	}
	return nil
}

// optionalText leaves a field out of what is read where the file has no text column of the
// name.
func optionalText(g rowGroup, column, field string) (ok bool, options []parquet.ReaderOption) {
	leaf, ok := g.Schema().Lookup(column)
	if ok && leaf.Node.Type().Kind() == parquet.ByteArray && leaf.MaxRepetitionLevel == 0 {
		return true, nil
	}
	return false, []parquet.ReaderOption{parquet.StructTag(`parquet:"-"`, field)}
}

func at(counts map[Count]*Count, kind, name string) *Count {
	key := Count{Kind: kind, Name: name}
	if counts[key] == nil {
		c := key
		counts[key] = &c
	}
	return counts[key]
}

// first is the first text that is not null, or empty.
func first(texts ...*string) string {
	for _, t := range texts {
		if t != nil {
			return *t
		}
	}
	return ""
}

func sorted(counts map[Count]*Count) []Count {
	list := make([]Count, 0, len(counts))
	for _, c := range counts {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Count) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return list
}

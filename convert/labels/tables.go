package labels

import (
	"context"
	"strings"

	"github.com/micropq/micropq/internal/measure"
	"github.com/micropq/micropq/schemas"
)

// Sample is a row of samples with the columns of sections.
type Sample struct {
	schemas.Sample
	Section       string   `parquet:"section" doc:"name of the section or picture in the source"`
	Technique     *string  `parquet:"technique,optional,dict" doc:"imaging technique"`
	Diagnosis     *string  `parquet:"diagnosis,optional" doc:"diagnosis of the donor, from the clinical table"`
	PixelSizeNote *string  `parquet:"pixel_size_note,optional" doc:"why pixel_size_um is null"`
	EmptyChannels []string `parquet:"empty_channels,optional,list" doc:"channels of the image every element of which is 0, as its elements were found to be"`
	Instances     *int32   `parquet:"n_instances,optional" doc:"objects of the instance mask, null where there is none"`
}

// Instance is a row of instances with the columns of sections: of an array with pixels of
// two dimensions.
type Instance struct {
	schemas.Instance
	Pieces       int32    `parquet:"pieces" doc:"connected pieces of the object, by 8 neighbours"`
	Holes        int32    `parquet:"holes" doc:"holes in it: what 4 neighbours connect and the outside does not"`
	Touching     []int64  `parquet:"touching,list" doc:"instance_ids of the objects of the same array of which a pixel is one of 4 neighbours of a pixel of this"`
	AMvsNAM      *int64   `parquet:"am_vs_nam,optional" doc:"value of the am_vs_nam mask over most of the object, null where there is no such mask"`
	AMvsNAMShare *float64 `parquet:"am_vs_nam_share,optional" doc:"share of the object it covers"`
	measure.Measurements
}

var (
	samplesTable   = schemas.MustTableOf[Sample](schemas.SamplesTable, schemas.Samples.Doc)
	instancesTable = schemas.MustTableOf[Instance](schemas.InstancesTable, schemas.Instances.Doc)
)

// sharePrefix and a class in small letters name the column of the share that the class's
// mask covers.
const sharePrefix = "share_"

// tables makes the tables of the plan: one more column of instances for every class mask,
// one more column of samples for every column of the clinical table.
func (s *Source) tables(ctx context.Context) (err error) {
	s.classes = s.layout.classes()
	var shares []schemas.Column
	for _, c := range s.classes {
		shares = append(shares, schemas.Column{Name: sharePrefix + strings.ToLower(c), Type: schemas.TypeFloat64, Nullable: true,
			Doc: "share of the object that the mask of class " + c + " covers, null where the section has no such mask"})
	}
	if s.instances, err = instancesTable.With(shares...); err != nil {
		return err
	}
	s.samples, s.clinical = samplesTable, nil
	c := s.layout.Clinical
	if c == nil {
		return nil
	}
	var taken []string
	for i := range samplesTable.Columns {
		taken = append(taken, samplesTable.Columns[i].Name)
	}
	if s.clinical, err = readClinical(ctx, s.store, c, taken); err != nil {
		return err
	}
	s.samples, err = samplesTable.With(s.clinical.columns...)
	return err
}

// shareValues are the values of the columns of shares.
func (s *Source) shareValues(v verdict) []any {
	out := make([]any, len(s.classes))
	for i, c := range s.classes {
		if share, ok := v.shares[c]; ok {
			out[i] = share
		}
	}
	return out
}

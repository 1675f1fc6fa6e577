package rules

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// datasetRules are the rules DS: the files of a data set, and what they hold together.
var datasetRules = []validate.Rule{{
	ID: "DS001", Severity: validate.Error, For: validate.AnyKind,
	Title:   "the version, the columns or the manifest are not those of the format",
	Why:     "Loaders refuse the data set, or read columns as something else.",
	Example: "Column fill of chunks has type float, the format has double; or the manifest is of version 2.0.",
	Mend:    "Use a micropq as new as the data set, or convert the source again. Columns of your own belong behind the released ones.",
	Looks:   validate.Looks{Dataset: manifestProblems, Shard: schemaProblems, Array: arrayProblems},
}, {
	ID: "DS002", Severity: validate.Error, For: validate.AnyKind,
	Title:   "bytes, counts or checksums are not as stated",
	Why:     "A file was damaged, cut off or changed after the data set was made: what is trained on is not what was published.",
	Example: "The SHA-256 of chunks/train-00003-of-00012.parquet is another than the manifest says; row 17 does not match its CRC.",
	Mend:    "Fetch the file again. If it was changed on purpose, convert or publish again so that the manifest follows.",
	Looks:   validate.Looks{Shard: shardClaims, Chunk: chunkClaims, Sample: sampleClaims},
}, {
	ID: "DS003", Severity: validate.Error, For: validate.AnyKind,
	Title:   "a key is taken twice, or refers to nothing",
	Why:     "Joins lose rows or double them, and a loader finds another chunk than was asked for.",
	Example: "Two rows of instances are instance 5 of the same array; a chunk is of a sample that does not exist.",
	Mend:    "Remove the row that is wrong, or add what it refers to, and convert again.",
	Looks:   validate.Looks{Shard: shardKeys, File: fileKeys, Array: arrayKeys, Instance: instanceKeys},
}, {
	ID: "DS004", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "an image, a mask or a chunk is missing",
	Why:     "A missing chunk is not the same as one of zeros: readers stop, and those that fill it in make background of it.",
	Example: "3 of the 40 chunks of raw have no row; a section has no instance mask, and all others have one.",
	Mend:    "Convert again from a complete source.",
	Across:  missingParts,
}, {
	ID: "DS005", Severity: validate.Warning, For: validate.AnyKind,
	Title:   "the counts are not those that were published for the source",
	Why:     "Results are compared with those of others only if the data are the same.",
	Example: "45 sections, NCL-SM has 46.",
	Mend:    "Look for what the conversion left out. A part of a data set that is meant to be one can have the rule switched off.",
	Looks:   validate.Looks{Dataset: publishedTotals},
}, {
	ID: "DS006", Severity: validate.Warning, For: validate.AnyKind,
	Title:   "where it comes from is not known",
	Why:     "What cannot be traced cannot be cited, corrected or withdrawn, and results by source leave it out.",
	Example: "The column dataset of sample 20b2fa44 is null.",
	Mend:    "Convert with a map or layout that names the source.",
	Looks:   validate.Looks{Dataset: unknownSource, Sample: unknownSample},
}, {
	ID: "DS007", Severity: validate.Warning, For: validate.AnyKind,
	Title:   "the licence is missing",
	Why:     "Nobody knows whether the item may be used, changed or passed on.",
	Example: "The column licence of sample 20b2fa44 is null.",
	Mend:    "Find the licence and name it in the layout or map of the conversion.",
	Looks:   validate.Looks{Dataset: noLicence, Sample: noItemLicence},
}}

func manifestProblems(s *validate.Scope, d *validate.Dataset) {
	for _, err := range d.Problems {
		for _, err := range parts(err) {
			s.Report(validate.Finding{Message: err.Error(), Place: inFile(d.Place, schemas.ManifestName), Detail: err.Error()})
		}
	}
}

// parts are the errors that one joins.
func parts(err error) (all []error) {
	var manifest *schemas.ManifestError
	if errors.As(err, &manifest) {
		err = manifest.Err
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}

func inFile(p validate.Place, file string) validate.Place {
	p.File = file
	return p
}

// isSchema reports errors of DS001.
func isSchema(err error) bool {
	var schema *validate.SchemaError
	var version *schemas.VersionError
	return errors.As(err, &schema) || errors.As(err, &version)
}

// as finds an error of a type in the tree of one.
func as[T error](err error) (e T, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}

func schemaProblems(s *validate.Scope, shard *validate.Shard) {
	for _, err := range shard.Errs {
		if isSchema(err) {
			s.Report(validate.Finding{Message: err.Error(), Place: shard.Place, Detail: shard.File + err.Error()})
		}
	}
}

func arrayProblems(s *validate.Scope, a *validate.Array) {
	for _, err := range a.Errs {
		if isSchema(err) {
			s.Report(validate.Finding{Message: err.Error(), Place: a.Place, Detail: err.Error()})
		}
	}
}

func shardClaims(s *validate.Scope, shard *validate.Shard) {
	c, f := shard.Claimed, shard.Found
	report := func(message string, value, limit any, detail string) {
		s.Report(validate.Finding{Message: message, Place: shard.Place, Value: value, Limit: limit, Detail: shard.File + " " + detail})
	}
	switch {
	case f == nil:
		report("the manifest lists the file and it is missing", nil, nil, "missing")
		return
	case c == nil:
		report("the manifest does not list the file", nil, nil, "unlisted")
	default:
		if differ := differences(c, f); len(differ) > 0 {
			report("it has "+strings.Join(differ, ", "), *f, *c, "differs")
		}
	}
	for _, err := range shard.Errs {
		if _, key := as[*validate.KeyError](err); !key && !isSchema(err) {
			report(err.Error(), nil, nil, err.Error())
		}
	}
}

// differences are what a shard has and the manifest says otherwise.
func differences(c, f *schemas.Shard) (list []string) {
	if f.Rows >= 0 && f.Rows != c.Rows {
		list = append(list, fmt.Sprintf("%d rows (the manifest says %d)", f.Rows, c.Rows))
	}
	if f.Bytes != c.Bytes {
		list = append(list, fmt.Sprintf("%d bytes (the manifest says %d)", f.Bytes, c.Bytes))
	}
	if f.SHA256 != "" && f.SHA256 != c.SHA256 {
		list = append(list, fmt.Sprintf("the SHA-256 %.12s... (the manifest says %.12s...)", f.SHA256, c.SHA256))
	}
	return list
}

func chunkClaims(s *validate.Scope, c *validate.Chunk) {
	r, f := c.Row, c.Found
	if r == nil {
		return
	}
	report := func(message string, value, limit any) {
		s.Report(validate.Finding{Message: message, Place: c.Place, Value: value, Limit: limit, Detail: fmt.Sprint(r.T, r.C, r.Z, r.Y, r.X)})
	}
	if c.Err != nil && f == nil {
		report("the chunk cannot be read: "+c.Err.Error(), nil, nil)
		return
	}
	if f == nil {
		return
	}
	if list := chunkDifferences(r, f); len(list) > 0 {
		report(strings.Join(list, "; "), nil, nil)
	}
}

// chunkDifferences are what a row says and its elements say otherwise.
func chunkDifferences(r, f *schemas.Chunk) (list []string) {
	differ := func(equal bool, format string, args ...any) {
		if !equal {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	differ(r.DType == f.DType, "dtype is %s, it should be %s", r.DType, f.DType)
	differ(sameFloat(&r.Fill, &f.Fill), "fill is %v, it should be %v", r.Fill, f.Fill)
	differ(r.Digest == f.Digest, "digest is %016x, it should be %016x", r.Digest, f.Digest)
	differ(r.Foreground == f.Foreground, "foreground is %d, it should be %d", r.Foreground, f.Foreground)
	if !slices.Equal(r.IDs, f.IDs) {
		differ(false, "ids is %s, it should be %s", idList(r.IDs), idList(f.IDs))
	}
	if !sameFloat(r.Min, f.Min) || !sameFloat(r.Max, f.Max) {
		differ(false, "min and max are %s and %s, they should be %s and %s", text(r.Min), text(r.Max), text(f.Min), text(f.Max))
	}
	return list
}

// idList writes ids for people, with their number.
func idList(ids []int64) string { return fmt.Sprintf("[%s] (%d)", list(ids), len(ids)) }

func sameFloat(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b || math.IsNaN(*a) && math.IsNaN(*b)
}

func text(v *float64) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(*v)
}

func sampleClaims(s *validate.Scope, v *validate.Sample) {
	for _, err := range v.Errs {
		_, missing := as[*validate.MissingError](err)
		_, key := as[*validate.KeyError](err)
		_, field := as[*validate.FieldError](err)
		if !missing && !key && !field && !isSchema(err) && v.Place.File != "" && v.Place.Dataset != "" {
			s.Report(validate.Finding{Message: err.Error(), Place: v.Place, Detail: err.Error()})
		}
	}
}

func shardKeys(s *validate.Scope, shard *validate.Shard) { keyErrors(s, shard.Place, shard.Errs) }
func arrayKeys(s *validate.Scope, a *validate.Array)     { keyErrors(s, a.Place, a.Errs) }

func fileKeys(s *validate.Scope, f *validate.File) {
	for _, e := range f.Keys {
		keyErrors(s, f.Place, []error{e})
	}
}

func instanceKeys(s *validate.Scope, in *validate.Instance) { keyErrors(s, in.Place, in.Errs) }

// keyErrors reports errors of keys, at the row that they name.
func keyErrors(s *validate.Scope, at validate.Place, errs []error) {
	for _, err := range errs {
		e, ok := as[*validate.KeyError](err)
		if !ok {
			continue
		}
		p := at
		if e.Row >= 0 && p.Row == nil {
			row := e.Row
			p.Row = &row
		}
		s.Report(validate.Finding{Message: e.Error(), Place: p, Value: e.Value, Detail: e.Table + e.Key + e.Value + e.Problem})
	}
}

// missingParts also looks for samples that lack what others have: their image, or all of their masks.
func missingParts(*validate.Scope) (validate.Looks, func(*validate.Scope)) {
	roles := []string{schemas.RoleImage, schemas.RoleLabels}
	type state struct {
		have [2]int64            // samples that have one, by the role
		lack [2][]validate.Place // samples that lack one
	}
	states := map[string]*state{}
	of := func(p validate.Place) *state {
		if states[p.Target] == nil {
			states[p.Target] = &state{}
		}
		return states[p.Target]
	}
	looks := validate.Looks{
		Array: func(s *validate.Scope, a *validate.Array) { reportMissing(s, a.Place, a.Errs) },
		Sample: func(s *validate.Scope, v *validate.Sample) {
			reportMissing(s, v.Place, v.Errs)
			if len(v.Arrays) == 0 {
				return
			}
			st := of(v.Place)
			for i, role := range roles {
				if hasRole(v, role) || role == schemas.RoleImage && v.Image != nil {
					st.have[i]++
				} else if len(st.lack[i]) < maxBare {
					st.lack[i] = append(st.lack[i], v.Place)
				}
			}
		},
		Dataset: func(s *validate.Scope, d *validate.Dataset) {
			st := of(d.Place)
			for i, what := range []string{"image", "mask"} {
				for _, p := range st.lack[i] {
					if st.have[i] > 0 {
						s.Report(validate.Finding{Message: fmt.Sprintf("it has no %s, %d other samples have one", what, st.have[i]), Place: p, Detail: what})
					}
				}
			}
			if n := len(st.lack[0]); n > 0 && st.have[0] == 0 {
				s.Report(validate.Finding{Message: fmt.Sprintf("none of its %d samples has an image", n), Place: d.Place, Detail: "images"})
			}
			delete(states, d.Target)
		},
	}
	return looks, func(*validate.Scope) {}
}

// maxBare bounds the samples without an image, or without labels, that are remembered.
const maxBare = 1 << 16

func hasRole(v *validate.Sample, role string) bool {
	return slices.ContainsFunc(v.Arrays, func(a schemas.Array) bool { return a.Role == role })
}

func reportMissing(s *validate.Scope, at validate.Place, errs []error) {
	for _, err := range errs {
		if e, ok := as[*validate.MissingError](err); ok {
			s.Report(validate.Finding{Message: e.What, Place: at, Detail: e.What})
		}
	}
}

// unknown reports whether a text names nothing.
func unknown(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "unknown", "none", "null", "nan", "n/a", "na", "-", "?", "tbd":
		return true
	}
	return false
}

func unknownSource(s *validate.Scope, d *validate.Dataset) {
	if d.Manifest == nil {
		return
	}
	for _, f := range []struct{ name, value string }{{"name", d.Manifest.Source.Name}, {"citation", d.Manifest.Source.Citation}} {
		if unknown(f.value) {
			s.Report(validate.Finding{Message: fmt.Sprintf("source.%s is %q", f.name, f.value), Place: inFile(d.Place, schemas.ManifestName), Value: f.value, Detail: f.name})
		}
	}
}

func unknownSample(s *validate.Scope, v *validate.Sample) {
	if v.Place.Dataset == "" {
		return // a file of someone else, which has no such column
	}
	resolved, _ := v.Extra["dataset_resolved"].(string)
	switch {
	case v.Sample.Dataset == nil && unknown(resolved):
		s.Report(validate.Finding{Message: "the column dataset is null", Place: v.Place, Detail: "dataset"})
	case v.Sample.Dataset != nil && unknown(*v.Sample.Dataset):
		s.Report(validate.Finding{Message: fmt.Sprintf("the column dataset is %q", *v.Sample.Dataset), Place: v.Place, Value: *v.Sample.Dataset, Detail: "dataset"})
	}
	if unknown(v.Source) {
		s.Report(validate.Finding{Message: fmt.Sprintf("the column source is %q", v.Source), Place: v.Place, Value: v.Source, Detail: "source"})
	}
}

func noLicence(s *validate.Scope, d *validate.Dataset) {
	if d.Manifest != nil && unknown(d.Manifest.Source.Licence) {
		s.Report(validate.Finding{Message: fmt.Sprintf("source.licence is %q", d.Manifest.Source.Licence), Place: inFile(d.Place, schemas.ManifestName), Value: d.Manifest.Source.Licence})
	}
}

func noItemLicence(s *validate.Scope, v *validate.Sample) {
	if v.Place.Dataset == "" {
		return
	}
	if v.Licence == nil {
		s.Report(validate.Finding{Message: "the column licence is null", Place: v.Place})
	} else if unknown(*v.Licence) {
		s.Report(validate.Finding{Message: fmt.Sprintf("the column licence is %q", *v.Licence), Place: v.Place, Value: *v.Licence})
	}
}

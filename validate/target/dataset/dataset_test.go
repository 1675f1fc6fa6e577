package dataset_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
	"github.com/micropq/micropq/validate/target/dataset"
	"github.com/micropq/micropq/validate/target/dataset/datasettest"
)

// small is a data set of two splits: planes with instances, a pyramid and masks of classes.
func small(t testing.TB) *datasettest.Set {
	s := datasettest.New("test")
	for i, id := range []string{"a", "b"} {
		s.Add(t, id, []string{"train", "val"}[i], true,
			datasettest.Pattern("raw", i, 2, 40, 36),
			datasettest.Labels("gt_instances", 2, 40, 36, [4]int{2, 2, 12, 12}, [4]int{14, 3, 28, 30}, [4]int{30, 1, 39, 20}))
	}
	return s
}

// run validates what lies at a location with all rules of data sets but LB and OV, which have tests of their own.
func run(t testing.TB, location string) []*validate.Finding {
	t.Helper()
	chosen, err := validate.Select(rules.All(), []string{"DS", "PX", "CL", "LB008", "LB009"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := validate.Options{Jobs: 2, Memory: 64 << 20}
	for _, r := range chosen {
		o.Rules = append(o.Rules, r.Default())
	}
	result, err := validate.Run(t.Context(), []validate.Target{dataset.New(location, dataset.Options{})}, o)
	if err != nil {
		t.Fatal(err)
	}
	return result.Findings
}

// lines are findings, one a line, as far as tests look.
func lines(fs []*validate.Finding) (out []string) {
	for _, f := range fs {
		row := ""
		if f.Row != nil {
			row = fmt.Sprint(" row ", *f.Row)
		}
		out = append(out, fmt.Sprintf("%s %s%s %s %s: %s", f.Rule, f.File, row, f.Sample, f.Array, f.Message))
	}
	return out
}

const (
	trainChunks    = "chunks/train-00000-of-00001.parquet"
	trainSamples   = "samples/train-00000-of-00001.parquet"
	trainInstances = "instances/train-00000-of-00001.parquet"
)

// damage is done to the rows before they are written, or to the files after.
type damage struct {
	rows  func(s *datasettest.Set)
	files func(t *testing.T, dir string)
	want  []string // beginnings of the findings, in order; a finding may have a further one where it ends in ...
}

func edit(name string, f func([]byte) []byte) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, f(b), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// editManifest changes the manifest as JSON.
func editManifest(f func(m map[string]any)) func(t *testing.T, dir string) {
	return edit(schemas.ManifestName, func(b []byte) []byte {
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			panic(err)
		}
		f(m)
		b, _ = json.Marshal(m)
		return b
	})
}

func shardOf(m map[string]any, path string) map[string]any {
	for _, s := range m["shards"].([]any) {
		if s := s.(map[string]any); s["path"] == path {
			return s
		}
	}
	panic(path)
}

// rewrite writes rows of T as the shard at a path, as another program would.
func rewrite[T any](name string, change func(rows []T) []T) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		rows, err := parquet.ReadFile[T](path)
		if err == nil {
			err = parquet.WriteFile(path, change(rows))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// firstPayload is the first payload of a data set.
func firstPayload(s *datasettest.Set) []byte {
	for _, c := range s.Chunks {
		if len(c.Data) > 20 {
			return c.Data
		}
	}
	return nil
}

func faults(t testing.TB) map[string]damage {
	payload := firstPayload(small(t))
	ptr := func(n int64) *int64 { return &n }
	return map[string]damage{
		"nothing": {},
		"a byte flipped in a payload": {
			files: edit(trainChunks, func(b []byte) []byte { b[bytes.Index(b, payload[4:])+4] ^= 1; return b }),
			want: []string{
				"DS002 " + trainChunks + "  : it has the SHA-256",
				// The page holds the null of the row before, too.
				"DS002 " + trainChunks + " row 12 a gt_instances: the chunk cannot be read: " + trainChunks + ": column data, row 12",
				"DS002 " + trainChunks + " row 13 a raw: the chunk cannot be read: " + trainChunks + ": column data, row 13, page at byte 2004: checksum mismatch",
			},
		},
		"a byte flipped in the footer": {
			files: edit(trainChunks, func(b []byte) []byte { b[len(b)-6] ^= 0x40; return b }),
			want: []string{
				"DS002 " + trainChunks + "  : " + trainChunks + ": footer",
				"DS002 " + trainChunks + "  : it has the SHA-256",
			},
		},
		"a shard cut off": {
			files: edit(trainChunks, func(b []byte) []byte { return b[:len(b)/2] }),
			want: []string{
				"DS002 " + trainChunks + "  : " + trainChunks + ": ends in",
				"DS002 " + trainChunks + "  : it has",
			},
		},
		"an empty shard": {
			files: edit(trainChunks, func(b []byte) []byte { return nil }),
			want:  []string{"DS002 " + trainChunks + "  : " + trainChunks + ": 0 bytes", "DS002 " + trainChunks + "  : it has 0 bytes"},
		},
		"a shard missing": {
			files: func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, trainChunks)) },
			want:  []string{"DS002 " + trainChunks + "  : the manifest lists the file and it is missing"},
		},
		"samples missing": {
			files: func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, trainSamples)) },
			want:  []string{"DS002 " + trainSamples + "  : the manifest lists the file and it is missing"},
		},
		"a shard too many": {
			files: func(t *testing.T, dir string) {
				edit(trainInstances, func(b []byte) []byte {
					os.WriteFile(filepath.Join(dir, "instances/more-00000-of-00001.parquet"), b, 0o666)
					return b
				})(t, dir)
			},
			want: []string{
				"DS002 instances/more-00000-of-00001.parquet  : the manifest does not list the file",
				"DS003 instances/more-00000-of-00001.parquet row",
				"...",
			},
		},
		"a row of chunks dropped": {
			rows: func(s *datasettest.Set) { s.Chunks = slices.Delete(s.Chunks, 1, 2) },
			want: []string{"DS004 " + trainSamples + " row 0 a raw: 1 of the 9 chunks of level 0 have no row, the first of them at t 0, c 0, z 0, y 0, x 16"},
		},
		"a row dropped by another program": {
			files: rewrite(trainChunks, func(rows []schemas.Chunk) []schemas.Chunk { return slices.Delete(rows, 1, 2) }),
			want: []string{
				"DS002 " + trainChunks + "  : it has 25 rows (the manifest says 26), ",
				"DS004 " + trainSamples + " row 0 a gt_instances: 1 of the 9 chunks of level 0 have no row",
			},
		},
		"a level dropped": {
			rows: func(s *datasettest.Set) {
				s.Chunks = slices.DeleteFunc(s.Chunks, func(c schemas.Chunk) bool { return c.SampleID == "b" && c.Array == "raw" && c.Level == 1 })
			},
			want: []string{"PX007 samples/val-00000-of-00001.parquet row 0 b raw: level 1 is missing"},
		},
		"an instance dropped": {
			rows: func(s *datasettest.Set) { s.Instances = slices.Delete(s.Instances, 1, 2) },
			want: []string{"DS003  a gt_instances: instances: label 2 has 378 elements in the array and no row"},
		},
		"an instance twice": {
			rows: func(s *datasettest.Set) { s.Instances = append(s.Instances, s.Instances[0]) },
			want: []string{
				"DS003 " + trainInstances + " row 3  : instances[3]: sample_id, array, instance_id a gt_instances 1 is taken twice",
				"DS003 " + trainInstances + " row 3 a gt_instances: instances[3]: label 1 is that of instance 1 too",
			},
		},
		"an instance of nothing": {
			rows: func(s *datasettest.Set) {
				in := s.Instances[0]
				in.InstanceID, in.Label = 9, ptr(9)
				s.Instances = append(s.Instances, in)
			},
			want: []string{"DS003 " + trainInstances + " row 3 a gt_instances: instances[3]: label 9 is no element of the array"},
		},
		"an instance of no sample": {
			rows: func(s *datasettest.Set) {
				in := s.Instances[0]
				in.SampleID = "zz"
				s.Instances = append(s.Instances, in)
			},
			want: []string{"DS003 " + trainInstances + " row 3  : instances[3]: sample_id zz is that of no sample"},
		},
		"a chunk of no sample": {
			rows: func(s *datasettest.Set) {
				c := s.Chunks[0]
				c.SampleID = "zz"
				s.Chunks = append(s.Chunks, c)
			},
			want: []string{"DS003 " + trainChunks + " row 26  : chunks[26]: sample_id zz is that of no sample"},
		},
		"a chunk twice": {
			rows: func(s *datasettest.Set) { s.Chunks = append(s.Chunks, s.Chunks[0]) },
			want: []string{"DS003 " + trainChunks + " row 14  : chunks[14]: t, c, z, y, x a raw level 0 t 0, c 0, z 0, y 0, x 0 is taken twice"},
		},
		"a chunk off the grid": {
			rows: func(s *datasettest.Set) { s.Chunks[0].SizeX-- },
			want: []string{
				"DS002 " + trainChunks + " row 13 a raw: the chunk cannot be read: the box",
				"DS003 " + trainChunks + " row 13  : chunks[13]: t, c, z, y, x",
				"DS004",
			},
		},
		"rows out of order": {
			rows: func(s *datasettest.Set) { s.Unsorted = true; s.Chunks[0], s.Chunks[1] = s.Chunks[1], s.Chunks[0] },
			want: []string{"DS003 " + trainChunks + " row 1  : chunks[1]: rows are not sorted", "DS003 chunks/val-00000-of-00001.parquet row 13"},
		},
		"a sample twice": {
			rows: func(s *datasettest.Set) { s.Samples[1].SampleID = "a" },
			want: []string{"DS003", "..."},
		},
		"claims of a chunk": {
			rows: func(s *datasettest.Set) {
				c := &s.Chunks[0]
				c.Foreground++
				c.Min = nil
				c.Digest ^= 1
			},
			want: []string{"DS002 " + trainChunks + " row 13 a raw: digest is "},
		},
		"ids of a chunk": {
			rows: func(s *datasettest.Set) {
				for i := range s.Chunks {
					if c := &s.Chunks[i]; c.Array == "gt_instances" && c.Level == 0 {
						c.IDs = append(slices.Clone(c.IDs), 77)
						return
					}
				}
			},
			want: []string{"DS002 " + trainChunks + " row 0 a gt_instances: ids is [1, 2, 77] (3), it should be [1, 2] (2)"},
		},
		"new ids below": {
			rows: func(s *datasettest.Set) { relabel(t, s) },
			want: []string{
				"PX007 " + trainSamples + " row 0 a gt_instances: level 1 has 1 ids that level 0 does not have, such as [9]",
				"PX007 " + trainSamples + " row 0 a gt_instances: level 1 is not what level 0 makes: 1 of its 4 chunks differ",
			},
		},
		"an area": {
			rows: func(s *datasettest.Set) { s.Instances[0].Area = ptr(7) },
			want: []string{"LB009 " + trainInstances + " row 0 a gt_instances: instance 1: its area is claimed to be 7, its mask has 100 pixels"},
		},
		"run lengths of another mask": {
			rows: func(s *datasettest.Set) { s.Instances[0].RLE = []int64{1, 99} },
			want: []string{"LB009 " + trainInstances + " row 0 a gt_instances: instance 1: its run lengths lack 1 elements that the array has of it, and have 0"},
		},
		"broken run lengths": {
			rows: func(s *datasettest.Set) { s.Instances[0].RLE = []int64{1, 98} },
			want: []string{"LB008 " + trainInstances + " row 0 a gt_instances: instance 1: run lengths: they sum to 99"},
		},
		"a newer version": {
			files: editManifest(func(m map[string]any) { m["version"] = "2.0" }),
			want:  []string{"DS001 manifest.json  : format version 2.0 is newer than 1.x"},
		},
		"a newer minor version": {files: editManifest(func(m map[string]any) { m["version"] = "1.9" })},
		"a manifest of another number": {
			files: editManifest(func(m map[string]any) { shardOf(m, trainChunks)["rows"] = 27 }),
			want:  []string{"DS002 " + trainChunks + "  : it has 26 rows (the manifest says 27)"},
		},
		"a manifest of another sum": {
			files: editManifest(func(m map[string]any) { shardOf(m, trainChunks)["sha256"] = strings.Repeat("0", 64) }),
			want:  []string{"DS002 " + trainChunks + "  : it has the SHA-256"},
		},
		"a manifest that breaks the format": {
			files: editManifest(func(m map[string]any) { delete(m, "source"); m["splits"] = []any{"train"} }),
			want:  []string{"DS001 manifest.json", "..."},
		},
		"a manifest of garbage": {
			files: edit(schemas.ManifestName, func([]byte) []byte { return []byte("\x00garbage{") }),
			want:  []string{"DS001 manifest.json", "DS002 chunks/train-00000-of-00001.parquet  : the manifest does not list", "..."},
		},
		"no manifest": {
			files: func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, schemas.ManifestName)) },
			want:  []string{"DS001 manifest.json  : there is no manifest.json", "DS002", "..."},
		},
		"a path that leads out": {
			files: editManifest(func(m map[string]any) { shardOf(m, trainChunks)["path"] = "../../etc/passwd" }),
			want:  []string{"DS001 manifest.json", "..."},
		},
		"another type": {
			files: rewrite(trainInstances, func(rows []wrongInstance) []wrongInstance { return rows }),
			want: []string{
				"DS001 " + trainInstances + "  : column area has another type than the released int(64,true)",
				"DS001 " + trainInstances + "  : column channel, label, class, reasons, status, bbox, centroid, rle, annotator, revision is missing",
				"DS002 " + trainInstances,
			},
		},
		"nulls where there are none": {
			files: rewrite(trainSamples, func(rows []nullSample) []nullSample { rows[0].Source = nil; return rows }),
			want: []string{
				"DS001 " + trainSamples + "  : column source is null in 1 rows, the first of them 0",
				"DS001 " + trainSamples + "  : column source may be null",
				"DS002 " + trainSamples, "DS006",
			},
		},
		"not known where from": {
			rows: func(s *datasettest.Set) { s.Samples[0].Dataset = nil; s.Samples[1].Licence = nil },
			want: []string{"DS006 " + trainSamples + " row 0 a : the column dataset is null", "DS007 samples/val-00000-of-00001.parquet row 0 b : the column licence is null"},
		},
		"an array that cannot be": {
			rows: func(s *datasettest.Set) { s.Samples[0].Arrays[0].Shape = []int64{1 << 40, 1 << 40} },
			want: []string{"DS001 " + trainSamples + " row 0 a raw: column arrays describes array raw so that it cannot be", "..."},
		},
		"a huge grid": {
			rows: func(s *datasettest.Set) {
				s.Samples[0].Arrays[0].Shape, s.Samples[0].Arrays[0].Chunk = []int64{1 << 30, 1 << 30}, []int64{1, 1}
			},
			want: []string{"DS002", "..."},
		},
		"a list of rejected rows changed": {
			rows: func(s *datasettest.Set) {
				s.Manifest.Partial = &schemas.Partial{Rejected: 1, Path: schemas.RejectedName, Bytes: 2, SHA256: strings.Repeat("0", 64)}
			},
			files: func(t *testing.T, dir string) {
				os.WriteFile(filepath.Join(dir, schemas.RejectedName), []byte("{}"), 0o666)
			},
			want: []string{"DS002 manifest.json  : rejected.jsonl: its SHA-256 is 000"},
		},
		"a list of rejected rows missing": {
			rows: func(s *datasettest.Set) {
				s.Manifest.Partial = &schemas.Partial{Rejected: 1, Path: schemas.RejectedName, Bytes: 2, SHA256: strings.Repeat("0", 64)}
			},
			want: []string{"DS002 manifest.json  : rejected.jsonl is listed"},
		},
		"no mask": {
			rows: func(s *datasettest.Set) {
				s.Samples[1].Arrays = s.Samples[1].Arrays[:1]
				s.Chunks = slices.DeleteFunc(s.Chunks, func(c schemas.Chunk) bool { return c.SampleID == "b" && c.Array != "raw" })
				s.Instances = slices.DeleteFunc(s.Instances, func(c schemas.Instance) bool { return c.SampleID == "b" })
			},
			want: []string{"DS004 samples/val-00000-of-00001.parquet row 0 b : it has no mask, 1 other samples have one"},
		},
	}
}

// wrongInstance has an area of another type and lacks what other columns there are.
type wrongInstance struct {
	SampleID   string  `parquet:"sample_id"`
	Array      string  `parquet:"array"`
	InstanceID int64   `parquet:"instance_id"`
	Area       *string `parquet:"area,optional"`
}

// nullSample has a source that may be null.
type nullSample struct {
	SampleID        string          `parquet:"sample_id"`
	Dataset         *string         `parquet:"dataset,optional,dict"`
	Subset          *string         `parquet:"subset,optional"`
	Split           string          `parquet:"split"`
	GroupID         *string         `parquet:"group_id,optional"`
	BatchID         *string         `parquet:"batch_id,optional"`
	Axes            *string         `parquet:"axes,optional"`
	Shape           []int64         `parquet:"shape,optional,list"`
	DType           *string         `parquet:"dtype,optional"`
	Channels        []string        `parquet:"channels,optional,list"`
	PixelSizeUM     []float64       `parquet:"pixel_size_um,optional,list"`
	PixelSizeSource *string         `parquet:"pixel_size_source,optional"`
	Arrays          []schemas.Array `parquet:"arrays,optional,list"`
	Licence         *string         `parquet:"licence,optional"`
	Source          *string         `parquet:"source,optional"`
	SourceDigest    *string         `parquet:"source_digest,optional"`
	Preview         *schemas.Image  `parquet:"preview,optional"`
	Image           *schemas.Image  `parquet:"image,optional"`
}

// relabel puts an id into level 1 that level 0 does not have, and says so in all that the row claims.
func relabel(t testing.TB, s *datasettest.Set) {
	other := datasettest.Labels("gt_instances", 2, 40, 36, [4]int{2, 2, 12, 12}, [4]int{14, 3, 28, 30}, [4]int{30, 1, 39, 20})
	other.Fill([4]int{2, 2, 4, 4}, 9)
	alien := datasettest.New("other")
	alien.Add(t, "a", "train", false, other)
	for i := range s.Chunks {
		if c := &s.Chunks[i]; c.SampleID == "a" && c.Array == "gt_instances" && c.Level == 1 && c.Y == 0 && c.X == 0 {
			k := slices.IndexFunc(alien.Chunks, func(o schemas.Chunk) bool { return o.Level == 1 && o.Y == 0 && o.X == 0 })
			*c = alien.Chunks[k]
		}
	}
}

func TestFaults(t *testing.T) {
	for name, f := range faults(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := small(t)
			if f.rows != nil {
				f.rows(s)
			}
			s.Write(t, dir)
			if f.files != nil {
				f.files(t, dir)
			}
			got := lines(run(t, dir))
			for i, line := range got {
				if i < len(f.want) && f.want[i] == "..." {
					break
				}
				if i >= len(f.want) || !strings.HasPrefix(line, f.want[i]) {
					t.Fatalf("finding %d is not expected, which are\n%s\nof\n%s", i, strings.Join(f.want, "\n"), strings.Join(got, "\n"))
				}
			}
			if want := slices.DeleteFunc(slices.Clone(f.want), func(w string) bool { return w == "..." }); len(got) < len(want) {
				t.Errorf("%d findings, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
			}
		})
	}
}

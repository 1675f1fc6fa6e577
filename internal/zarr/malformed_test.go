package zarr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/nd"
)

var update = flag.Bool("update", false, "rewrite testdata/malformed")

// TestMalformed opens every metadata document of testdata/malformed, and reads every shard of
// it, and compares the errors with those in errors.txt.
func TestMalformed(t *testing.T) {
	dir := filepath.Join("testdata", "malformed")
	if *update {
		writeMalformed(t, dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var got strings.Builder
	for _, file := range files {
		base := filepath.Base(file)
		if base == "errors.txt" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		err = readMalformed(t.Context(), base, data)
		var metadata *MetadataError
		var unsupported *UnsupportedError
		var chunk *ChunkError
		if !errors.As(err, &metadata) && !errors.As(err, &unsupported) && !errors.As(err, &chunk) {
			t.Errorf("%s: %v is of no type", base, err)
		}
		fmt.Fprintf(&got, "%s: %v\n", base, err)
	}
	golden := filepath.Join(dir, "errors.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// readMalformed opens and reads an array of which data is one object: its metadata, or the
// shard of shardMetadata's array.
func readMalformed(ctx context.Context, file string, data []byte) error {
	m := &memory{objects: map[string][]byte{}}
	switch ext := filepath.Ext(file); ext {
	case ".zarray":
		m.objects["a/.zarray"] = data
	case ".json":
		m.objects["a/zarr.json"] = data
	case ".shard":
		m.objects["a/zarr.json"], m.objects["a/c/0"] = []byte(shardMetadata), data
	default:
		return fmt.Errorf("unknown kind of file %s", ext)
	}
	a, err := OpenArray(ctx, m, "a")
	if err != nil {
		return err
	}
	return a.Read(ctx, nd.Whole(a.Shape()), dense(a.Shape(), a.DType().Size()))
}

func writeMalformed(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, files := range []map[string][]byte{malformedV2(), malformedV3(), malformedShards()} {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// changed is a document with one thing replaced, which has to be there once.
func changed(document, old, with string) []byte {
	if strings.Count(document, old) != 1 {
		panic(fmt.Sprintf("%q is not once in %s", old, document))
	}
	return []byte(strings.Replace(document, old, with, 1))
}

const goodV2 = `{"zarr_format": 2, "shape": [4, 6], "chunks": [2, 3], "dtype": "<u2", "order": "C",
 "fill_value": 0, "compressor": null, "filters": [], "dimension_separator": "."}
`

func malformedV2() map[string][]byte {
	out := map[string][]byte{"v2-empty.zarray": {}, "v2-cut.zarray": []byte(goodV2[:40]), "v2-list.zarray": []byte("[1]"),
		"v2-bare-nan-in-name.zarray": []byte(`{NaN: 1}`)}
	for name, c := range map[string][2]string{
		"format":             {`"zarr_format": 2`, `"zarr_format": 1`},
		"shape-negative":     {`[4, 6]`, `[-4, 6]`},
		"shape-fraction":     {`[4, 6]`, `[4.5, 6]`},
		"shape-overflow":     {`[4, 6]`, `[4611686018427387904, 6]`},
		"shape-axes":         {`[4, 6]`, `[4]`},
		"shape-many-axes":    {`[4, 6], "chunks": [2, 3]`, `[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1], "chunks": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]`},
		"chunks-zero":        {`[2, 3]`, `[0, 3]`},
		"chunks-overflow":    {`[2, 3]`, `[281474976710656, 281474976710656]`},
		"chunks-huge":        {`[2, 3]`, `[1000000, 1000000]`},
		"grid-overflow":      {`[4, 6], "chunks": [2, 3]`, `[281474976710656, 281474976710656], "chunks": [1, 1]`},
		"dtype-missing":      {`"dtype": "<u2", `, ``},
		"dtype-structured":   {`"<u2"`, `[["r", "|u1"], ["g", "|u1"]]`},
		"dtype-string":       {`"<u2"`, `"|S12"`},
		"dtype-complex":      {`"<u2"`, `"<c8"`},
		"dtype-datetime":     {`"<u2"`, `"<M8[ns]"`},
		"dtype-no-order":     {`"<u2"`, `"u2"`},
		"dtype-bar":          {`"<u2"`, `"|u2"`},
		"order":              {`"order": "C"`, `"order": "A"`},
		"order-missing":      {`"order": "C",`, ``},
		"fill-negative":      {`"fill_value": 0`, `"fill_value": -1`},
		"fill-range":         {`"fill_value": 0`, `"fill_value": 65536`},
		"fill-fraction":      {`"fill_value": 0`, `"fill_value": 0.5`},
		"fill-string":        {`"fill_value": 0`, `"fill_value": "AAA="`},
		"fill-object":        {`"fill_value": 0`, `"fill_value": {}`},
		"separator":          {`"dimension_separator": "."`, `"dimension_separator": "-"`},
		"compressor":         {`"compressor": null`, `"compressor": {"id": "pcodec"}`},
		"compressor-no-id":   {`"compressor": null`, `"compressor": {"level": 1}`},
		"compressor-string":  {`"compressor": null`, `"compressor": "zlib"`},
		"filter":             {`"filters": []`, `"filters": [{"id": "bitround", "keepbits": 3}]`},
		"filter-delta-dtype": {`"filters": []`, `"filters": [{"id": "delta", "dtype": "<M8"}]`},
		"filter-delta-none":  {`"filters": []`, `"filters": [{"id": "delta"}]`},
		"filter-delta-mixed": {`"filters": []`, `"filters": [{"id": "delta", "dtype": "<u2", "astype": "<f4"}]`},
		"filter-delta-size":  {`"filters": []`, `"filters": [{"id": "delta", "dtype": "<u8"}]`},
		"filter-delta-late":  {`"filters": []`, `"filters": [{"id": "zlib"}, {"id": "delta", "dtype": "<u2"}]`},
		"filter-scale":       {`"filters": []`, `"filters": [{"id": "fixedscaleoffset", "dtype": "<u2", "scale": 2}]`},
		"filter-shuffle":     {`"filters": []`, `"filters": [{"id": "shuffle", "elementsize": "2"}]`},
		"filter-growing": {`"filters": []`, `"filters": [` + strings.Repeat(`{"id": "delta", "dtype": "|u1", "astype": "<i8"}, `, 30) +
			`{"id": "shuffle"}]`},
	} {
		out["v2-"+name+".zarray"] = changed(goodV2, c[0], c[1])
	}
	return out
}

const goodV3 = `{"zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "float32", "fill_value": 0,
 "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
 "chunk_key_encoding": {"name": "default"}, "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}
`

func malformedV3() map[string][]byte {
	bytesCodec := `{"name": "bytes", "configuration": {"endian": "little"}}`
	out := map[string][]byte{"v3-empty.json": {}, "v3-cut.json": []byte(goodV3[:50])}
	for name, c := range map[string][2]string{
		"format":           {`"zarr_format": 3`, `"zarr_format": 2`},
		"group":            {`"array"`, `"group"`},
		"unknown-field":    {`"zarr_format": 3`, `"zarr_format": 3, "offsets": {"name": "x"}`},
		"must-understand":  {`"zarr_format": 3`, `"zarr_format": 3, "offsets": {"must_understand": true}`},
		"transformer":      {`"zarr_format": 3`, `"zarr_format": 3, "storage_transformers": [{"name": "mirror"}]`},
		"names":            {`"zarr_format": 3`, `"zarr_format": 3, "dimension_names": ["x"]`},
		"attributes":       {`"zarr_format": 3`, `"zarr_format": 3, "attributes": 3`},
		"dtype":            {`"float32"`, `"complex64"`},
		"dtype-raw":        {`"float32"`, `"r16"`},
		"dtype-object":     {`"float32"`, `{"name": "numpy.datetime64", "configuration": {"unit": "s"}}`},
		"fill-missing":     {`"fill_value": 0,`, ``},
		"fill-null":        {`"fill_value": 0`, `"fill_value": null`},
		"fill-hex-short":   {`"fill_value": 0`, `"fill_value": "0x7fc0"`},
		"fill-hex-bad":     {`"fill_value": 0`, `"fill_value": "0x7fc0zzzz"`},
		"fill-word":        {`"fill_value": 0`, `"fill_value": "inf"`},
		"grid":             {`"regular"`, `"rectilinear"`},
		"grid-no-shape":    {`"chunk_shape"`, `"shape"`},
		"grid-zero":        {`[2, 3]`, `[2, 0]`},
		"keys":             {`"default"`, `"hashed"`},
		"keys-separator":   {`{"name": "default"}`, `{"name": "default", "configuration": {"separator": ":"}}`},
		"codecs-none":      {bytesCodec, ``},
		"codec":            {bytesCodec, bytesCodec + `, {"name": "pcodec"}`},
		"codec-numcodecs":  {bytesCodec, bytesCodec + `, {"name": "numcodecs.lzma"}`},
		"codec-order":      {bytesCodec, `{"name": "gzip"}, ` + bytesCodec},
		"codec-twice":      {bytesCodec, bytesCodec + `, ` + bytesCodec},
		"codec-late":       {bytesCodec, bytesCodec + `, {"name": "transpose", "configuration": {"order": [1, 0]}}`},
		"endian":           {`"endian": "little"`, `"endian": "middle"`},
		"endian-missing":   {bytesCodec, `"bytes"`},
		"transpose-axes":   {bytesCodec, `{"name": "transpose", "configuration": {"order": [0]}}, ` + bytesCodec},
		"transpose-twice":  {bytesCodec, `{"name": "transpose", "configuration": {"order": [1, 1]}}, ` + bytesCodec},
		"transpose-behind": {bytesCodec, `{"name": "numcodecs.delta", "configuration": {"dtype": "<f4"}}, {"name": "transpose", "configuration": {"order": [1, 0]}}, ` + bytesCodec},
		"delta-dtype":      {bytesCodec, `{"name": "numcodecs.delta", "configuration": {"dtype": "<i4"}}, ` + bytesCodec},
		"packbits-dtype":   {bytesCodec, `{"name": "numcodecs.packbits"}, ` + bytesCodec},
		"shard-shape":      {bytesCodec, shardCodec(`[2, 2]`, bytesCodec, `{"name": "bytes", "configuration": {"endian": "little"}}`, "end")},
		"shard-axes":       {bytesCodec, shardCodec(`[2]`, bytesCodec, bytesCodec, "end")},
		"shard-index":      {bytesCodec, shardCodec(`[2, 3]`, bytesCodec, bytesCodec+`, {"name": "gzip"}`, "end")},
		"shard-no-index":   {bytesCodec, shardCodec(`[2, 3]`, bytesCodec, ``, "end")},
		"shard-location":   {bytesCodec, shardCodec(`[2, 3]`, bytesCodec, bytesCodec, "middle")},
		"shard-inner":      {bytesCodec, shardCodec(`[2, 3]`, bytesCodec+`, {"name": "jpeg2k"}`, bytesCodec, "end")},
		"shard-config":     {bytesCodec, `{"name": "sharding_indexed"}`},
	} {
		out["v3-"+name+".json"] = changed(goodV3, c[0], c[1])
	}
	deep := bytesCodec
	for range 6 {
		deep = shardCodec(`[2, 3]`, deep, bytesCodec, "end")
	}
	out["v3-shard-deep.json"] = changed(goodV3, bytesCodec, deep)
	out["v3-shard-many.json"] = []byte(strings.Replace(string(changed(goodV3, bytesCodec, shardCodec(`[1, 1]`, bytesCodec, bytesCodec, "end"))),
		`[2, 3]`, `[1000000, 1000000]`, 1))
	return out
}

func shardCodec(shape, codecs, index, location string) string {
	return fmt.Sprintf(`{"name": "sharding_indexed", "configuration": {"chunk_shape": %s, "codecs": [%s], "index_codecs": [%s], "index_location": %q}}`,
		shape, codecs, index, location)
}

// shardMetadata is that of an array of one shard of four chunks of eight bytes.
const shardMetadata = `{"zarr_format": 3, "node_type": "array", "shape": [32], "data_type": "uint8", "fill_value": 0,
 "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [32]}}, "chunk_key_encoding": "default",
 "codecs": [{"name": "sharding_indexed", "configuration": {"chunk_shape": [8], "codecs": ["bytes"],
 "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, "crc32c"]}}]}`

// indexed makes a shard of data with an index of offsets and lengths.
func indexed(data []byte, entries ...uint64) []byte {
	var index []byte
	for _, e := range entries {
		index = binary.LittleEndian.AppendUint64(index, e)
	}
	return append(bytes.Clone(data), binary.LittleEndian.AppendUint32(index, crc32.Checksum(index, castagnoli))...)
}

func malformedShards() map[string][]byte {
	data := bytes.Repeat([]byte{1, 2, 3, 4}, 8)
	good := indexed(data, 0, 8, 8, 8, missing, missing, 24, 8)
	flipped := bytes.Clone(good)
	flipped[40] ^= 1
	return map[string][]byte{
		"empty.shard":           {},
		"short.shard":           good[len(good)-67:],
		"crc.shard":             flipped,
		"past-end.shard":        indexed(data, 0, 8, 8, 8, missing, missing, 100, 8),
		"past-end-length.shard": indexed(data, 0, 8, 8, 8, missing, missing, 95, 8),
		"overflow.shard":        indexed(data, 0, 8, 1<<64-4, 8, missing, missing, 24, 8),
		"half-missing.shard":    indexed(data, 0, 8, missing, 8, missing, missing, 24, 8),
		"length-missing.shard":  indexed(data, 0, 8, 8, missing, missing, missing, 24, 8),
		"long-chunk.shard":      indexed(data, 0, 9, 8, 8, missing, missing, 24, 8),
		"short-chunk.shard":     indexed(data, 0, 8, 8, 7, missing, missing, 24, 8),
		"empty-chunk.shard":     indexed(data, 0, 8, 8, 0, missing, missing, 24, 8),
	}
}

package zarr

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/micropq/micropq/schemas"
)

func TestFillValues(t *testing.T) {
	tests := []struct {
		dtype  schemas.DType
		json   string
		v2, v3 string // little-endian bytes; "" where it is refused
	}{
		{schemas.Bool, `true`, "01", "01"},
		{schemas.Bool, `false`, "00", "00"},
		{schemas.Bool, `1`, "01", "01"},
		{schemas.Bool, `2`, "", ""},
		{schemas.Int8, `-128`, "80", "80"},
		{schemas.Int8, `128`, "", ""},
		{schemas.Uint8, `255`, "ff", "ff"},
		{schemas.Uint8, `255.0`, "ff", "ff"},
		{schemas.Uint16, `1e3`, "e803", "e803"},
		{schemas.Uint16, `"1"`, "", ""},
		{schemas.Uint16, `null`, "0000", ""},
		{schemas.Int32, `-2`, "feffffff", "feffffff"},
		{schemas.Int64, `-9223372036854775808`, "0000000000000080", "0000000000000080"},
		{schemas.Uint64, `18446744073709551615`, "ffffffffffffffff", "ffffffffffffffff"},
		{schemas.Uint64, `18446744073709551616`, "", ""},
		{schemas.Float16, `"NaN"`, "007e", "007e"},
		{schemas.Float32, `"NaN"`, "0000c07f", "0000c07f"},
		{schemas.Float64, `"NaN"`, "000000000000f87f", "000000000000f87f"},
		{schemas.Float16, `"Infinity"`, "007c", "007c"},
		{schemas.Float32, `"-Infinity"`, "000080ff", "000080ff"},
		{schemas.Float64, `"-Infinity"`, "000000000000f0ff", "000000000000f0ff"},
		{schemas.Float16, `5.960464477539063e-08`, "0100", "0100"},
		{schemas.Float16, `65519.9`, "ff7b", "ff7b"},
		{schemas.Float32, `-0.0`, "00000080", "00000080"},
		{schemas.Float32, `1.5`, "0000c03f", "0000c03f"},
		{schemas.Float64, `1`, "000000000000f03f", "000000000000f03f"},
		{schemas.Float64, `1e999`, "", ""},
		{schemas.Float64, `true`, "", ""},
		{schemas.Float32, `"0x7fc00001"`, "", "0100c07f"},
		{schemas.Float32, `"0xFFC00000"`, "", "0000c0ff"},
		{schemas.Float16, `"0x3c00"`, "", "003c"},
		{schemas.Float64, `"0x3ff0000000000000"`, "", "000000000000f03f"},
		{schemas.Float64, `0x10`, "", ""},
		{schemas.Float32, `"1.5"`, "", ""},
		{schemas.Uint16, `"0x0001"`, "", ""},
	}
	for _, tt := range tests {
		for _, c := range []struct {
			version, want string
			parse         func(schemas.DType, json.RawMessage) ([]byte, error)
		}{{"v2", tt.v2, fillV2}, {"v3", tt.v3, fillV3}} {
			got, err := c.parse(tt.dtype, json.RawMessage(tt.json))
			if (err != nil) != (c.want == "") || hex.EncodeToString(got) != c.want {
				t.Errorf("%s %s %s: %x, %v, want %q", c.version, tt.dtype, tt.json, got, err, c.want)
			}
		}
	}
}

func TestNumpyTypes(t *testing.T) {
	for s, want := range map[string]string{"<u2": "uint16 false", ">i4": "int32 true", "|b1": "bool false", ">u1": "uint8 false",
		"u8": "uint64 false", "float16": "float16 false", "=f4": "float32 false", "": "", "<": "", "<u3": "", "u": "", "<U4": ""} {
		d, big, err := numpyType(s)
		if got := fmt.Sprintf("%s %v", d, big); (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%q: %s, %v, want %s", s, got, err, want)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		k    keyEncoding
		at   []int
		want string
	}{
		{keyEncoding{"", "."}, []int{3, 0, 12}, "3.0.12"},
		{keyEncoding{"", "/"}, []int{3, 0, 12}, "3/0/12"},
		{keyEncoding{"", "."}, nil, "0"},
		{keyEncoding{"c", "/"}, []int{3, 0}, "c/3/0"},
		{keyEncoding{"c", "."}, []int{3, 0}, "c.3.0"},
		{keyEncoding{"c", "/"}, nil, "c"},
	} {
		if got := string(tt.k.append(nil, tt.at)); got != tt.want {
			t.Errorf("%v %v: %s, want %s", tt.k, tt.at, got, tt.want)
		}
	}
}

// What the specifications allow beside what writers usually write.
func TestLegalMetadata(t *testing.T) {
	for name, c := range map[string]struct{ key, document string }{
		"codecs by name alone":   {"zarr.json", changedString(goodV3, `"endian": "little"}}]`, `"endian": "little"}}, "crc32c", {"name": "gzip"}]`)},
		"filter type by name":    {"zarr.json", changedString(goodV3, `"codecs": [`, `"codecs": [{"name": "numcodecs.delta", "configuration": {"dtype": "float32"}}, `)},
		"keys by name alone":     {"zarr.json", changedString(goodV3, `{"name": "default"}`, `"v2"`)},
		"dtype as an object":     {"zarr.json", changedString(goodV3, `"float32"`, `{"name": "float32"}`)},
		"field to ignore":        {"zarr.json", changedString(goodV3, `"zarr_format": 3`, `"zarr_format": 3, "x": {"name": "y", "must_understand": false}`)},
		"codec to ignore":        {"zarr.json", changedString(goodV3, `"codecs": [`, `"codecs": [{"name": "x", "must_understand": false}, `)},
		"transformer to ignore":  {"zarr.json", changedString(goodV3, `"zarr_format": 3`, `"zarr_format": 3, "storage_transformers": [{"name": "x", "must_understand": false}]`)},
		"null names":             {"zarr.json", changedString(goodV3, `"zarr_format": 3`, `"zarr_format": 3, "dimension_names": [null, "x"]`)},
		"bare NaN":               {"zarr.json", changedString(goodV3, `"zarr_format": 3`, `"zarr_format": 3, "attributes": {"a": NaN, "b": [-Infinity, Infinity, -1], "c": "NaN \" NaN"}`)},
		"bare NaN fill":          {".zarray", changedString(changedString(goodV2, `"fill_value": 0`, `"fill_value": NaN`), `"<u2"`, `"<f2"`)},
		"unknown v2 member":      {".zarray", changedString(goodV2, `"order": "C"`, `"order": "C", "x": 1`)},
		"null separator":         {".zarray", changedString(goodV2, `"dimension_separator": "."`, `"dimension_separator": null`)},
		"null filters":           {".zarray", changedString(goodV2, `"filters": []`, `"filters": null`)},
		"axis without elements":  {".zarray", changedString(goodV2, `[4, 6], "chunks": [2, 3]`, `[4, 0], "chunks": [2, 0]`)},
		"chunks beyond the edge": {".zarray", changedString(goodV2, `[2, 3]`, `[20, 30]`)},
	} {
		a, err := OpenArray(t.Context(), &memory{objects: map[string][]byte{"a/" + c.key: []byte(c.document)}}, "a")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		dst := dense(a.Shape(), a.DType().Size())
		if err := a.Read(t.Context(), region2(0, 0, a.Shape()[0], a.Shape()[1]), dst); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "bare NaN" && string(a.Attrs()["b"]) != `["-Infinity", "Infinity", -1]` {
			t.Errorf("attribute %s", a.Attrs()["b"])
		}
		if name == "bare NaN" && string(a.Attrs()["c"]) != `"NaN \" NaN"` {
			t.Errorf("attribute %s", a.Attrs()["c"])
		}
		if name == "bare NaN fill" && hex.EncodeToString(a.Fill()) != "007e" {
			t.Errorf("fill %x", a.Fill())
		}
	}
}

func changedString(document, old, with string) string { return string(changed(document, old, with)) }

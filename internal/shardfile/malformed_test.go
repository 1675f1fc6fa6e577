package shardfile

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// malformed are files whose footers lie about a file that is otherwise whole.
func malformed(t testing.TB) map[string][]byte {
	t.Helper()
	path, _ := writeShard(t, randomRows(31, 6, 30), options)
	clean := readFile(t, path)
	files := map[string][]byte{}
	lie := func(name string, f func(m *format.FileMetaData)) {
		files[name] = withFooter(t, clean, f)
	}
	group := func(m *format.FileMetaData) *format.RowGroup { return &m.RowGroups[0] }
	z := func(m *format.FileMetaData) *format.ColumnChunk { return &m.RowGroups[0].Columns[1] }
	data := func(m *format.FileMetaData) *format.ColumnChunk {
		for i := range m.RowGroups[0].Columns {
			if c := &m.RowGroups[0].Columns[i]; c.MetaData.PathInSchema[0] == "data" {
				return c
			}
		}
		t.Fatal("no column data")
		return nil
	}
	lie("more rows", func(m *format.FileMetaData) { m.NumRows++ })
	lie("fewer rows", func(m *format.FileMetaData) { m.NumRows-- })
	lie("negative rows", func(m *format.FileMetaData) { m.NumRows, group(m).NumRows = -1, -1 })
	lie("huge rows", func(m *format.FileMetaData) { m.NumRows, group(m).NumRows = 1<<62, 1<<62 })
	lie("column missing", func(m *format.FileMetaData) { group(m).Columns = group(m).Columns[1:] })
	lie("no columns", func(m *format.FileMetaData) { group(m).Columns = nil })
	lie("index outside", func(m *format.FileMetaData) { data(m).OffsetIndexOffset = 1 << 40 })
	lie("index before", func(m *format.FileMetaData) { data(m).OffsetIndexOffset = -5 })
	lie("negative index", func(m *format.FileMetaData) { data(m).OffsetIndexLength = -5 })
	lie("huge index", func(m *format.FileMetaData) { data(m).OffsetIndexLength = 1<<31 - 1 })
	lie("other index", func(m *format.FileMetaData) { data(m).OffsetIndexOffset = z(m).ColumnIndexOffset })
	lie("index of z", func(m *format.FileMetaData) {
		data(m).OffsetIndexOffset, data(m).OffsetIndexLength = z(m).OffsetIndexOffset, z(m).OffsetIndexLength
	})
	lie("pages outside", func(m *format.FileMetaData) { z(m).MetaData.DataPageOffset = 1 << 40 })
	lie("pages before", func(m *format.FileMetaData) { z(m).MetaData.DataPageOffset = -7 })
	lie("huge pages", func(m *format.FileMetaData) { z(m).MetaData.TotalCompressedSize = 1 << 62 })
	lie("no pages", func(m *format.FileMetaData) { z(m).MetaData.TotalCompressedSize = 0 })
	lie("other codec", func(m *format.FileMetaData) { z(m).MetaData.Codec = format.Gzip })
	lie("no codec", func(m *format.FileMetaData) { z(m).MetaData.Codec = 77 })
	lie("other type", func(m *format.FileMetaData) { z(m).MetaData.Type = format.Double })
	lie("cyclic schema", func(m *format.FileMetaData) { m.Schema[0].NumChildren = thrift.New(int32(1 << 30)) })
	lie("no schema", func(m *format.FileMetaData) { m.Schema = nil })
	return files
}

// withFooter is the file with a changed footer.
func withFooter(t testing.TB, file []byte, change func(m *format.FileMetaData)) []byte {
	t.Helper()
	at := len(file) - trailerSize - int(binary.LittleEndian.Uint32(file[len(file)-trailerSize:]))
	var m format.FileMetaData
	if _, err := unmarshal(file[at:], &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &m)
	if err != nil {
		t.Fatal(err)
	}
	out := append(bytes.Clone(file[:at]), footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, "PAR1"...)
}

func TestMalformed(t *testing.T) {
	path, _ := writeShard(t, randomRows(31, 6, 30), options)
	if err := readAll(withFooter(t, readFile(t, path), func(*format.FileMetaData) {})); err != nil {
		t.Fatalf("an unchanged footer: %v", err)
	}
	for name, file := range malformed(t) {
		if err := readAll(file); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

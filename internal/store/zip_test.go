package store

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

func decodeJSON(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// compareZip reads up to n of the entries and compares sizes and checksums.
func compareZip(t *testing.T, s Store, entries map[string][2]int64, n int) {
	t.Helper()
	found, err := s.List(context.Background(), "")
	if err != nil || len(found) != len(entries) {
		t.Fatalf("%d entries, %v; want %d", len(found), err, len(entries))
	}
	var buf []byte
	for _, info := range found[:min(n, len(found))] {
		want, ok := entries[info.Key]
		if buf, err = s.Get(context.Background(), info.Key, buf[:0], 1<<20); err != nil {
			t.Fatal(err)
		}
		if !ok || info.Size != want[0] || int64(len(buf)) != want[0] || int64(crc32.ChecksumIEEE(buf)) != want[1] {
			t.Fatalf("%+v: read %d bytes, CRC %d, want %v", info, len(buf), crc32.ChecksumIEEE(buf), want)
		}
	}
}

// patch changes the central header (and not the local one) of the entry of a name.
func patch(data []byte, name string, change func(header []byte)) []byte {
	data = bytes.Clone(data)
	for at := 0; at+centralLen <= len(data); at++ {
		if string(data[at:][:4]) == centralSig && bytes.HasPrefix(data[at+centralLen:], []byte(name)) {
			change(data[at:])
			return data
		}
	}
	panic("no entry " + name)
}

func put32(at int, v uint32) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint32(b[at:], v) }
}

func put16(at int, v uint16) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint16(b[at:], v) }
}

// malformed is the archives of testdata/malformed: how each is made, and the error it must give.
var malformed = []struct {
	name  string
	make  func(t *testing.T) []byte
	open  bool   // Open succeeds, the entry "bad" does not
	says  string // part of the message
	check func(error) bool
}{
	{"wrong-crc", func(t *testing.T) []byte {
		data := small(t, zip.Store)
		data[bytes.Index(data, []byte("bad data"))] ^= 1
		return data
	}, true, `entry "bad" is damaged`, isA[*ChecksumError]},
	{"wrong-crc-deflated", func(t *testing.T) []byte {
		return patch(small(t, zip.Deflate), "bad", put32(16, 0x12345678))
	}, true, "12345678", isA[*ChecksumError]},
	{"flipped-deflate", func(t *testing.T) []byte {
		data := small(t, zip.Deflate)
		data[localLen+3] = 0xff // a block type that does not exist
		return data
	}, true, "inflating: the compressed stream is corrupt", isA[*ArchiveError]},
	{"climbing", func(t *testing.T) []byte { return renamed(t, "../x") }, false, `"../x"`, is(ErrUnsafeName)},
	{"climbing-inside", func(t *testing.T) []byte { return renamed(t, "a/..") }, false, `"a/.."`, is(ErrUnsafeName)},
	{"absolute", func(t *testing.T) []byte { return renamed(t, "/etc") }, false, `"/etc"`, is(ErrUnsafeName)},
	{"drive", func(t *testing.T) []byte { return renamed(t, "C:/x") }, false, `"C:/x"`, is(ErrUnsafeName)},
	{"backslash", func(t *testing.T) []byte { return renamed(t, `..\x`) }, false, `"..\\x"`, is(ErrUnsafeName)},
	{"nul", func(t *testing.T) []byte { return renamed(t, "a\x00.b") }, false, `"a\x00.b"`, is(ErrUnsafeName)},
	{"dot", func(t *testing.T) []byte { return renamed(t, ".") }, false, `"."`, is(ErrUnsafeName)},
	{"duplicate", func(t *testing.T) []byte { return renamed(t, "./good") }, false, `"good"`, is(ErrDuplicate)},
	{"encrypted", func(t *testing.T) []byte {
		return patch(small(t, zip.Deflate), "bad", put16(8, flagEncrypted))
	}, true, "encrypted (method 8)", is(ErrUnsupported)},
	{"method", func(t *testing.T) []byte {
		return patch(small(t, zip.Deflate), "bad", put16(10, 93))
	}, true, "method 93 (zstd)", is(ErrUnsupported)},
	{"size-too-small", func(t *testing.T) []byte {
		return patch(small(t, zip.Deflate), "bad", put32(24, 10))
	}, true, "more than the 10 bytes", isA[*ArchiveError]},
	{"size-too-large", func(t *testing.T) []byte {
		return patch(small(t, zip.Deflate), "bad", put32(24, 2000))
	}, true, "says it has 2000", isA[*ArchiveError]},
	{"size-stored", func(t *testing.T) []byte {
		return patch(small(t, zip.Store), "bad", put32(24, 2000))
	}, true, "says it has 2000", isA[*ArchiveError]},
	{"size-impossible", func(t *testing.T) []byte {
		return patch(small(t, zip.Deflate), "bad", put32(24, 1_000_000))
	}, true, "cannot inflate to", isA[*ArchiveError]},
	{"packed-size-zero", func(t *testing.T) []byte {
		return patch(small(t, zip.Deflate), "bad", put32(20, 0))
	}, true, "is cut short", isA[*ArchiveError]},
	{"packed-size-short", func(t *testing.T) []byte {
		return patch(small(t, zip.Deflate), "bad", put32(20, 9))
	}, true, "is cut short", isA[*ArchiveError]},
	{"overlapping-entries", func(t *testing.T) []byte {
		return patch(small(t, zip.Store), "bad", put32(42, 1))
	}, false, "overlap", isA[*ArchiveError]},
	{"same-data-twice", func(t *testing.T) []byte {
		return patch(small(t, zip.Store), "good", put32(42, 0))
	}, false, "overlap", isA[*ArchiveError]},
	{"local-name", func(t *testing.T) []byte {
		data := small(t, zip.Store)
		copy(data[localLen:], "BAD")
		return data
	}, true, "belongs to another entry", isA[*ArchiveError]},
	{"local-signature", func(t *testing.T) []byte {
		data := small(t, zip.Store)
		data[0] = 'Q'
		return data
	}, true, "no local header at 0", isA[*ArchiveError]},
	{"local-extra", func(t *testing.T) []byte {
		data := small(t, zip.Store)
		binary.LittleEndian.PutUint16(data[28:], 0xffff)
		return data
	}, true, "overlap the next entry", isA[*ArchiveError]},
	{"zip64-missing", func(t *testing.T) []byte {
		return patch(small(t, zip.Store), "bad", put32(20, 0xffffffff))
	}, false, "zip64 field", isA[*ArchiveError]},
	{"truncated", func(t *testing.T) []byte {
		data := small(t, zip.Store)
		return data[:len(data)/2]
	}, false, "truncated, or not a zip", isA[*ArchiveError]},
	{"empty-file", func(*testing.T) []byte { return nil }, false, "truncated, or not a zip", isA[*ArchiveError]},
	{"directory-overlaps-end", func(t *testing.T) []byte {
		return patchEnd(small(t, zip.Store), put32(12, 0xfffffff0))
	}, false, "overlaps its end record", isA[*ArchiveError]},
	{"directory-cut", func(t *testing.T) []byte {
		return patch(small(t, zip.Store), "good", put16(28, 0xff))
	}, false, "cut short", isA[*ArchiveError]},
	{"too-many-entries", func(t *testing.T) []byte {
		return patchEnd(small(t, zip.Store), put16(10, 60000))
	}, false, "60000 entries do not fit", isA[*ArchiveError]},
	{"several-disks", func(t *testing.T) []byte {
		return patchEnd(small(t, zip.Store), put16(4, 2))
	}, false, "one part of several", isA[*ArchiveError]},
	{"bomb", func(t *testing.T) []byte { // 16 MiB of zeros in 16 KiB: over the limit of the reader
		return zipOf(t, zip.Deflate, map[string][]byte{"bad": make([]byte, 16<<20)})
	}, true, "larger than the 1048576 allowed", isA[*TooLargeError]},
	{"bomb-hidden", func(t *testing.T) []byte { // the same, saying that it has 1000 bytes
		return patch(zipOf(t, zip.Deflate, map[string][]byte{"bad": make([]byte, 16<<20)}), "bad", put32(24, 1000))
	}, true, "more than the 1000 bytes", isA[*ArchiveError]},
}

func isA[E error](err error) bool { var e E; return errors.As(err, &e) }

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) && isA[*ArchiveError](err) }
}

// small is an archive of the entries "bad" and "good", with no data descriptors.
func small(t *testing.T, method uint16) []byte {
	t.Helper()
	return renamedAs(t, "bad", method)
}

func renamed(t *testing.T, name string) []byte { return renamedAs(t, name, zip.Store) }

func renamedAs(t *testing.T, name string, method uint16) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range []string{name, "good"} {
		plain := []byte(strings.Repeat(name+" data ", 20))
		h := &zip.FileHeader{Name: name, Method: method, UncompressedSize64: uint64(len(plain)), CRC32: crc32.ChecksumIEEE(plain)}
		packed := plain
		if method == zip.Deflate {
			packed = deflate(t, plain)
		}
		h.CompressedSize64 = uint64(len(packed))
		f, err := w.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(packed)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func patchEnd(data []byte, change func([]byte)) []byte {
	change(data[len(data)-endLen:])
	return data
}

func TestMalformed(t *testing.T) {
	for _, m := range malformed {
		t.Run(m.name, func(t *testing.T) {
			name := filepath.Join("testdata", "malformed", m.name+".zip")
			if *update {
				if err := os.WriteFile(name, m.make(t), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(context.Background(), name, Options{})
			if m.open {
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				var got []byte
				if got, err = s.Get(context.Background(), "bad", nil, 1<<20); len(got) != 0 {
					t.Errorf("damaged bytes came back")
				}
			}
			if err == nil || !m.check(err) || !strings.Contains(err.Error(), m.says) || !strings.Contains(err.Error(), name[:9]) {
				t.Errorf("%v (%T), want %q", err, err, m.says)
			}
		})
	}
}

// TestMalformedKept asks that every kept archive is in the table.
func TestMalformedKept(t *testing.T) {
	files, err := os.ReadDir(filepath.Join("testdata", "malformed"))
	if err != nil || len(files) != len(malformed) {
		t.Errorf("%d files (%v), %d in the table", len(files), err, len(malformed))
	}
}

// TestZipReads asks for the least number of reads: one for a stored entry that was met before.
func TestZipReads(t *testing.T) {
	src := &countingSource{bytesSource: zipOf(t, zip.Store, objects())}
	z, err := openArchive(context.Background(), src, "x.zip", false)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 1} {
		src.reads = 0
		if _, err := z.Get(context.Background(), "volumes/raw/0.0.0", nil, 1<<20); err != nil || src.reads != want {
			t.Errorf("Get %d: %d reads, %v; want %d", i, src.reads, err, want)
		}
	}
	src.reads, src.bytes = 0, 0
	if _, err := z.GetRange(context.Background(), "volumes/raw/0.0.0", 5, 100, nil); err != nil || src.reads != 1 || src.bytes != 100 {
		t.Errorf("GetRange: %d reads of %d bytes, %v; want 1 of 100", src.reads, src.bytes, err)
	}
}

type countingSource struct {
	bytesSource
	reads, bytes int
}

func (c *countingSource) readAt(ctx context.Context, p []byte, off int64) error {
	c.reads++
	c.bytes += len(p)
	return c.bytesSource.readAt(ctx, p, off)
}

// TestSample reads the published FISBe crop and compares it with archive/zip.
func TestSample(t *testing.T) {
	name := oracle.Sample(t, "fisbe/JRC_SS05008-20160318_24_B2_crop.zip")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string][2]int64{}
	for _, f := range r.File {
		if !f.FileInfo().IsDir() {
			entries[f.Name] = [2]int64{int64(f.UncompressedSize64), int64(f.CRC32)}
		}
	}
	compareZip(t, open(t, name, Options{}), entries, len(entries))
	compareZip(t, open(t, serve(t, serveBytes(data))+"/crop.zip", quick), entries, len(entries))
}

// FuzzZip opens arbitrary bytes and reads every entry in every way: no panic, nothing over
// the limit, and what is read is what archive/zip reads.
func FuzzZip(f *testing.F) {
	files, err := filepath.Glob("testdata/malformed/*.zip")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(zipOf(f, zip.Store, map[string][]byte{"a": []byte("x"), "b/c": nil}))
	f.Add(zipOf(f, zip.Deflate, map[string][]byte{"a": []byte("xxxxxxxxxxxxx"), "b/c": nil}))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, together := range []bool{false, true} {
			z, err := openArchive(context.Background(), bytesSource(data), "x.zip", together)
			if err != nil {
				if !isA[*ArchiveError](err) {
					t.Fatalf("%T: %v", err, err)
				}
				return
			}
			if err := readAll(z, data); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// readAll reads all entries of the archive and compares them with archive/zip.
func readAll(z *archive, data []byte) error {
	const limit = 1 << 16
	ctx := context.Background()
	infos, err := z.List(ctx, "")
	if err != nil {
		return err
	}
	theirs := map[string]*zip.File{}
	if r, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil {
		for _, f := range r.File {
			theirs[f.Name] = f
		}
	}
	for _, info := range infos {
		got, err := z.Get(ctx, info.Key, nil, limit)
		if err != nil {
			if len(got) != 0 {
				return fmt.Errorf("%q: %d bytes beside the error %w", info.Key, len(got), err)
			}
			continue
		}
		if len(got) > limit || int64(len(got)) != info.Size {
			return fmt.Errorf("%q: %d bytes of %d, limit %d", info.Key, len(got), info.Size, limit)
		}
		part, err := z.GetRange(ctx, info.Key, info.Size/2, info.Size-info.Size/2, nil)
		if err != nil || !bytes.Equal(part, got[info.Size/2:]) {
			return fmt.Errorf("%q: the range differs: %w", info.Key, err)
		}
		if f := theirs[info.Key]; f != nil {
			if want, err := readEntry(f); err == nil && !bytes.Equal(want, got) {
				return fmt.Errorf("%q: archive/zip reads other bytes", info.Key)
			}
		}
	}
	return nil
}

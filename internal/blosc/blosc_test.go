package blosc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var codecNames = []string{"lz4", "lz4hc", "snappy", "zlib", "zstd"}

// TestDecodeKeptFrames needs no Python: the frames are those of numcodecs 0.16.6 and, for
// snappy, imagecodecs.
func TestDecodeKeptFrames(t *testing.T) {
	count := eachItem(t, "testdata/frames.bin", func(it item) {
		n, err := DecodedLen(it.frame)
		if err != nil || n != len(it.plain) {
			t.Errorf("%s: DecodedLen %d, %v", it.label, n, err)
		}
		got, err := Decode(nil, it.frame, len(it.plain))
		if err != nil || !bytes.Equal(got, it.plain) {
			t.Errorf("%s: %d bytes, %v", it.label, len(got), err)
		}
	})
	if count != 80 {
		t.Errorf("%d frames, want 80", count)
	}
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, codec := range codecNames {
		for _, filter := range []Filter{NoShuffle, ByteShuffle, BitShuffle} {
			for _, size := range []int{0, 1, 2, 3, 4, 8, 16, 17, 255} {
				o := Options{Codec: codec, Level: 5, Shuffle: filter, TypeSize: size, BlockSize: 4096}
				t.Run(fmt.Sprintf("%s/%d/%d", codec, filter, size), func(t *testing.T) {
					for _, n := range []int{0, 1, 127, 128, 4095, 4096, 4097, 30_001} {
						checkRoundTrip(t, sample(r, n), o)
					}
				})
			}
		}
	}
}

func checkRoundTrip(t *testing.T, plain []byte, o Options) {
	t.Helper()
	frame, err := Encode(nil, plain, o)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	if len(frame) > len(plain)+headerLen {
		t.Errorf("%+v: %d bytes became %d, more than stored", o, len(plain), len(frame))
	}
	again, err := Encode(make([]byte, 5, 10), plain, o)
	if err != nil || !bytes.Equal(frame, again) {
		t.Errorf("%+v: a second frame differs, %v", o, err)
	}
	got, err := Decode(nil, frame, len(plain))
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%+v: %d bytes decode to %d others, %v", o, len(plain), len(got), err)
	}
}

func TestEncodeCompresses(t *testing.T) {
	plain := bytes.Repeat([]byte{1, 0, 2, 0}, 50_000)
	for _, codec := range codecNames {
		for _, level := range []int{1, 5, 9} {
			frame, err := Encode(nil, plain, Options{Codec: codec, Level: level, Shuffle: ByteShuffle, TypeSize: 2})
			if err != nil || len(frame) > len(plain)/15 {
				t.Errorf("%s level %d: %d bytes, %v", codec, level, len(frame), err)
			}
		}
	}
}

func TestZeroOptionsStore(t *testing.T) {
	frame, err := Encode(nil, []byte("hello"), Options{})
	want := "\x02\x01\x22\x01\x05\x00\x00\x00\x05\x00\x00\x00\x15\x00\x00\x00hello"
	if err != nil || string(frame) != want {
		t.Errorf("got %q, %v; want %q", frame, err, want)
	}
}

func TestEncodeRejects(t *testing.T) {
	tests := []struct {
		options Options
		want    string
	}{
		{Options{Codec: "blosclz"}, `codec "blosclz"`},
		{Options{Codec: "brotli"}, `codec "brotli"`},
		{Options{Level: -1}, "level -1"},
		{Options{Level: 10}, "level 10"},
		{Options{Shuffle: 3}, "shuffle 3"},
		{Options{Shuffle: -1}, "shuffle -1"},
		{Options{TypeSize: 256}, "type size 256"},
		{Options{TypeSize: -1}, "type size -1"},
		{Options{BlockSize: -1}, "block size -1"},
	}
	for _, tt := range tests {
		_, err := Encode(nil, []byte("x"), tt.options)
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want ErrUnsupported with %q", tt.options, err, tt.want)
		}
	}
}

func TestDecodeUnsupported(t *testing.T) {
	base := malformedBase(t, "lz4")
	tests := []struct {
		name  string
		frame []byte
		want  string
	}{
		{"c-blosc2", with8(base, 0, 5), "format version 5 at byte 0"},
		{"first format", with8(base, 0, 1), "format version 1 at byte 0"},
		{"codec id", with8(base, 2, 6<<5), "inner codec id 6 at byte 2"},
		{"codec version", with8(base, 1, 2), "version 2 of the lz4 format at byte 1"},
		{"reserved flag", with8(base, 2, base[2]|flagReserved), "flags 0x29 at byte 2"},
		{"both filters", with8(base, 2, base[2]|flagBitShuffle), "flags 0x25 at byte 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(nil, tt.frame, math.MaxInt)
			if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want ErrUnsupported with %q", err, tt.want)
			}
			if _, lenErr := DecodedLen(tt.frame); lenErr == nil {
				t.Error("DecodedLen accepts it")
			}
		})
	}
}

func TestDecodeLimit(t *testing.T) {
	frame := malformedBase(t, "zstd")
	if _, err := Decode(nil, frame, 3499); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v, want ErrLimit", err)
	}
	if _, err := Decode(nil, frame, 3500); err != nil {
		t.Error(err)
	}
	huge := oneStream(codecZstd, maxDecoded, []byte("x"))
	if n, err := DecodedLen(huge); err != nil || n != maxDecoded {
		t.Errorf("DecodedLen %d, %v", n, err)
	}
	var err error
	bytesTaken := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, err = Decode(nil, huge, 1<<30)
		}
	}).AllocedBytesPerOp()
	if !errors.Is(err, ErrLimit) || bytesTaken > 4096 {
		t.Errorf("got %v and %d bytes taken, want ErrLimit and only the error", err, bytesTaken)
	}
}

func TestDecodeReusesMemory(t *testing.T) {
	frames := map[string][]byte{}
	eachItem(t, "testdata/frames.bin", func(it item) {
		if it.frame[2]&flagStored == 0 && it.frame[2]>>codecShift == byte(codecBloscLZ) {
			frames["blosclz"] = it.frame
		}
	})
	plain := sample(rand.New(rand.NewPCG(2, 2)), 100_000)
	for _, codec := range codecNames {
		for _, filter := range []Filter{NoShuffle, ByteShuffle, BitShuffle} {
			frame, err := Encode(nil, plain, Options{Codec: codec, Level: 5, Shuffle: filter, TypeSize: 2, BlockSize: 20_000})
			if err != nil {
				t.Fatal(err)
			}
			frames[fmt.Sprintf("%s/%d", codec, filter)] = frame
		}
	}
	for name, frame := range frames {
		t.Run(name, func(t *testing.T) {
			dst := make([]byte, 100_000)
			allocs := testing.AllocsPerRun(100, func() {
				got, err := Decode(dst[:1], frame, len(dst))
				if err != nil || &got[0] != &dst[0] {
					t.Fatalf("memory not reused, %v", err)
				}
			})
			if allocs >= 1 && !raceEnabled {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/malformed/*.blosc")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		frame, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	eachItem(f, "testdata/frames.bin", func(it item) { f.Add(it.frame) })
	f.Fuzz(func(t *testing.T, frame []byte) {
		const limit = 1 << 16
		got, err := Decode(nil, frame, limit)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrLimit) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if n, err := DecodedLen(frame); err != nil || n != len(got) {
			t.Fatalf("DecodedLen %d, %v; decoded %d", n, err, len(got))
		}
		if cap(got) > limit {
			t.Fatalf("took %d bytes, over the limit of %d", cap(got), limit)
		}
		checkRoundTrip(t, got, Options{Codec: "lz4", Level: 1})
	})
}

func FuzzRoundTrip(f *testing.F) {
	eachItem(f, "testdata/frames.bin", func(it item) {
		f.Add(it.plain, it.frame[2], it.frame[2]>>5, it.frame[3], uint16(len(it.plain)/3))
	})
	f.Fuzz(func(t *testing.T, plain []byte, codec, filter, typeSize byte, blockSize uint16) {
		checkRoundTrip(t, plain, Options{
			Codec:     codecNames[int(codec)%len(codecNames)],
			Level:     int(codec) / len(codecNames) % 10,
			Shuffle:   Filter(filter % 3),
			TypeSize:  int(typeSize),
			BlockSize: int(blockSize),
		})
	})
}

func BenchmarkDecode(b *testing.B) {
	plain := sample(rand.New(rand.NewPCG(2, 2)), 4<<20)
	for _, codec := range codecNames {
		for _, filter := range []Filter{ByteShuffle, BitShuffle} {
			frame, err := Encode(nil, plain, Options{Codec: codec, Level: 5, Shuffle: filter, TypeSize: 2})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%d", codec, filter), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(plain)))
				var dst []byte
				for b.Loop() {
					if dst, err = Decode(dst, frame, len(plain)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestPermute(t *testing.T) {
	tests := []struct{ line, want string }{
		{"", ""},
		{"inspect", "inspect"},
		{"inspect DST", "inspect -- DST"},
		{"inspect DST --json", "inspect --json -- DST"},
		{"inspect --json DST", "inspect --json -- DST"},
		{"read DST --sample S -o out.npy --array raw", "read --sample S -o out.npy --array raw -- DST"},
		{"read DST --sample=S -o -", "read --sample=S -o - -- DST"},
		{"read DST --region -3:,: --sample --json", "read --region -3:,: --sample --json -- DST"},
		{"read --sample S -- DST --json", "read --sample S -- DST --json"},
		{"read DST -- --json", "read -- DST --json"},
		{"convert fisbe SRC --jobs 2 DST --dry-run", "convert fisbe --jobs 2 --dry-run -- SRC DST"},
		{"convert fisbe SRC DST -j 2", "convert fisbe -j 2 -- SRC DST"},
		{"convert nothing SRC --jobs 2", "convert nothing SRC --jobs 2"},
		{"nothing --json x", "nothing --json x"},
		{"--version", "--version"},
		{"inspect DST --unknown x", "inspect --unknown -- DST x"},
		{"read DST --sample", "read --sample"},
		{"inspect -- -", "inspect -- -"},
	}
	app := newApp(io.Discard, io.Discard)
	for _, tt := range tests {
		line := append([]string{"micropq"}, strings.Fields(tt.line)...)
		before := slices.Clone(line)
		want := append([]string{"micropq"}, strings.Fields(tt.want)...)
		if got := permute(app, line); !slices.Equal(got, want) {
			t.Errorf("%q becomes %q, want %q", tt.line, got, want)
		}
		if !slices.Equal(line, before) {
			t.Errorf("%q was changed in place", tt.line)
		}
	}
}

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// timeless are the packages between files and batches. They wait by timers, which are monotonic,
// and never ask what time it is: a clock that jumps changes nothing.
var timeless = []string{"loaders", "loaders/batch", "loaders/draw", "loaders/arrowstream",
	"internal/store", "internal/shardfile", "internal/chunkcodec", "internal/ordered", "internal/nd"}

// wallClock are the functions of package time that depend on the time of day.
var wallClock = []string{"Now", "Since", "Until"}

// excepted are uses of it: a server may say until when to wait, as a date. The wait is bounded.
var excepted = []string{"internal/store/web.go: time.Until"}

func TestNothingDependsOnTheClock(t *testing.T) {
	var found []string
	parsed := 0
	for _, p := range timeless {
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(p), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			parsed++
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(wallClock, s.Sel.Name) {
					if of, ok := s.X.(*ast.Ident); ok && of.Name == "time" {
						found = append(found, p+"/"+filepath.Base(name)+": time."+s.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if parsed < 4*len(timeless) {
		t.Fatalf("%d files of %d packages", parsed, len(timeless))
	}
	slices.Sort(found)
	if found = slices.Compact(found); !slices.Equal(found, excepted) {
		t.Errorf("uses of the clock: %q, want %q", found, excepted)
	}
}

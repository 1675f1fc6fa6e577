package chisquare

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
)

// TestAsSciPy compares with scipy.stats on the counts that its script makes.
func TestAsSciPy(t *testing.T) {
	var cases struct {
		Uniform []struct {
			Counts []int64
			X2, P  float64
		}
		Tables []struct {
			Table       [][]int64
			X2, P, V, N float64
			DF          int
			Least       float64
		}
		Above []struct {
			X, P float64
			DF   int
		}
	}
	if err := json.Unmarshal(oracle.Run(t, oracle.Python(t), "testdata/chisquare.py"), &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases.Uniform) < 20 || len(cases.Tables) < 20 || len(cases.Above) < 20 {
		t.Fatal("too few cases")
	}
	for _, c := range cases.Uniform {
		if got := Uniform(c.Counts); !near(got.X2, c.X2) || !near(got.P, c.P) || got.DF != len(c.Counts)-1 {
			t.Errorf("%v: %+v, want X2 %g, p %g", c.Counts, got, c.X2, c.P)
		}
	}
	for _, c := range cases.Tables {
		got := Homogeneity(c.Table)
		if !near(got.X2, c.X2) || !near(got.P, c.P) || got.DF != c.DF || !near(got.Effect, c.V) || !near(got.Least, c.Least) {
			t.Errorf("%v: %+v, want %+v", c.Table, got, c)
		}
	}
	for _, c := range cases.Above {
		if got := Above(c.X, c.DF); !near(got, c.P) {
			t.Errorf("Above(%g, %d) = %g, want %g", c.X, c.DF, got, c.P)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(b), 1e-280) }

func TestNothingToTest(t *testing.T) {
	for _, counts := range [][]int64{nil, {5}, {0, 0, 0}} {
		if got := Uniform(counts); got.P != 1 || got.X2 != 0 {
			t.Errorf("%v: %+v", counts, got)
		}
	}
	for _, table := range [][][]int64{nil, {{1, 2}}, {{0, 0}, {0, 0}}, {{3, 0}, {4, 0}}, {{3, 4}, {0, 0}}} {
		if got := Homogeneity(table); got.P != 1 || got.DF != 0 {
			t.Errorf("%v: %+v", table, got)
		}
	}
}

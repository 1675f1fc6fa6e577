// Package chisquare has Pearson's chi-square tests (Pearson 1900) with the effect sizes of Cohen, Statistical Power
// Analysis for the Behavioral Sciences, 2nd edition, 1988, chapter 7.
package chisquare

import "math"

// Test is the outcome of a test.
type Test struct {
	X2     float64 // the statistic
	DF     int     // degrees of freedom
	P      float64 // probability of as large a statistic by chance, 1 where there is nothing to test
	Effect float64 // Cohen's w = sqrt(X2/n); of tables Cramér's V
	Least  float64 // smallest expected count; Cochran (1954) wants 5
}

// Uniform tests whether counts come from a uniform distribution: the test of goodness of fit.
func Uniform(counts []int64) Test {
	n := sum(counts)
	t := Test{P: 1, DF: max(len(counts)-1, 0)}
	if n == 0 || t.DF == 0 {
		return t
	}
	t.Least = n / float64(len(counts))
	for _, c := range counts {
		d := float64(c) - t.Least
		t.X2 += d * d / t.Least
	}
	t.P, t.Effect = Above(t.X2, t.DF), math.Sqrt(t.X2/n)
	return t
}

// Homogeneity tests whether the rows of a table of counts come from one distribution. Rows have equal length.
// Rows and columns of zeros are left out.
func Homogeneity(table [][]int64) Test {
	var rows []float64
	var columns []float64
	n := 0.0
	for _, row := range table {
		rows = append(rows, sum(row))
		n += sum(row)
		if columns == nil {
			columns = make([]float64, len(row))
		}
		for j, c := range row {
			columns[j] += float64(c)
		}
	}
	t := Test{P: 1, Least: math.Inf(1)}
	for i, row := range table {
		for j, c := range row {
			expected := rows[i] * columns[j] / n
			if expected > 0 {
				d := float64(c) - expected
				t.X2 += d * d / expected
				t.Least = min(t.Least, expected)
			}
		}
	}
	r, k := positive(rows)-1, positive(columns)-1
	if r < 1 || k < 1 {
		return Test{P: 1}
	}
	t.DF = r * k
	t.P, t.Effect = Above(t.X2, t.DF), math.Sqrt(t.X2/n/float64(min(r, k)))
	return t
}

// Above is the probability that a chi-square variable with df degrees of freedom is above x: Q(df/2, x/2) of the
// regularized incomplete gamma function. For halves and integers it is a finite sum (Abramowitz and Stegun 26.4.4 and
// 26.4.5), which grows by Q(a+1, y) = Q(a, y) + y^a e^-y / gamma(a+1).
func Above(x float64, df int) float64 {
	if x <= 0 || df < 1 {
		return 1
	}
	y := x / 2
	a, q := 1.0, math.Exp(-y)
	if df%2 == 1 {
		a, q = 0.5, math.Erfc(math.Sqrt(y))
	}
	for ; a < float64(df)/2; a++ {
		lg, _ := math.Lgamma(a + 1)
		q += math.Exp(a*math.Log(y) - y - lg)
	}
	return min(q, 1)
}

func sum(counts []int64) (n float64) {
	for _, c := range counts {
		n += float64(c)
	}
	return n
}

func positive(sums []float64) (n int) {
	for _, s := range sums {
		if s > 0 {
			n++
		}
	}
	return n
}

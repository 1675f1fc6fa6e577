package annotate

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"github.com/micropq/micropq/internal/mask"
)

// candidate is a pair of instances that overlap: their indices, how many elements they have
// in common, and intersection over union.
type candidate struct {
	a, b   int
	common int64
	iou    float64
}

// candidates lists the pairs that overlap, by a, then b.
func candidates(as, bs []mask.Mask) []candidate {
	areaA, areaB := areas(as), areas(bs)
	overlaps := mask.Overlaps(as, bs)
	out := make([]candidate, len(overlaps))
	for i, o := range overlaps {
		out[i] = candidate{o.A, o.B, o.Area, float64(o.Area) / float64(areaA[o.A]+areaB[o.B]-o.Area)}
	}
	return out
}

func areas(masks []mask.Mask) []int64 {
	out := make([]int64, len(masks))
	for i, m := range masks {
		out[i] = m.Area()
	}
	return out
}

// greedy takes the pair with the highest IoU, then the highest of what is left, and so on;
// of equals the first by a, then b.
func greedy(pairs []candidate) []candidate {
	sorted := slices.Clone(pairs)
	slices.SortStableFunc(sorted, func(p, q candidate) int { return cmp.Compare(q.iou, p.iou) })
	takenA, takenB := map[int]bool{}, map[int]bool{}
	var out []candidate
	for _, p := range sorted {
		if !takenA[p.a] && !takenB[p.b] {
			takenA[p.a], takenB[p.b] = true, true
			out = append(out, p)
		}
	}
	slices.SortFunc(out, byInstance)
	return out
}

func byInstance(p, q candidate) int {
	return cmp.Or(cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
}

// optimal is the matching with the highest sum of IoU.
//
// It is the linear assignment problem by shortest augmenting paths (Jonker and Volgenant,
// Computing 38, 1987) over the pairs that overlap alone: an instance of a may also stay
// without a partner, at the cost of a pair with IoU 0. A path ends at the first free place,
// which is near, so the cost follows the number of pairs.
func optimal(pairs []candidate) []candidate {
	s := newAssignment(pairs)
	for row := range s.first {
		if len(s.row(row)) > 0 {
			s.assign(row)
		}
	}
	var out []candidate
	for row := range s.first {
		for _, p := range s.row(row) {
			if s.columnOf[row] == p.b {
				out = append(out, p)
			}
		}
	}
	return out
}

// assignment is the state of the solver. A column past the last instance of b is the place
// where a row stays alone: row r has column alone+r.
type assignment struct {
	pairs    []candidate
	first    []int // of each row in pairs
	end      []int
	columnOf []int // of each row, -1 for none yet
	rowOf    map[int]int
	dual     map[int]float64 // of each column: what it costs above its pairs
	alone    int
}

func newAssignment(pairs []candidate) *assignment {
	rows, alone := 0, 0
	for _, p := range pairs {
		rows, alone = max(rows, p.a+1), max(alone, p.b+1)
	}
	s := &assignment{pairs: pairs, first: make([]int, rows), end: make([]int, rows), columnOf: make([]int, rows),
		rowOf: map[int]int{}, dual: map[int]float64{}, alone: alone}
	for i, p := range pairs {
		if s.end[p.a] == 0 {
			s.first[p.a] = i
		}
		s.end[p.a] = i + 1
	}
	for i := range s.columnOf {
		s.columnOf[i] = -1
	}
	return s
}

func (s *assignment) row(r int) []candidate { return s.pairs[s.first[r]:s.end[r]] }

// each hands out the columns of a row and their costs, less the duals of the columns.
func (s *assignment) each(r int, f func(column int, cost float64)) {
	for _, p := range s.row(r) {
		f(p.b, 1-p.iou-s.dual[p.b])
	}
	f(s.alone+r, 1-s.dual[s.alone+r])
}

// assign finds a column for a row by the cheapest chain of moves (Dijkstra).
func (s *assignment) assign(row int) {
	distance, from, done := map[int]float64{}, map[int]int{}, map[int]bool{}
	queue := &reached{}
	// base is the distance of the row less what its own column costs it.
	relax := func(r int, base float64) {
		s.each(r, func(column int, cost float64) {
			d := base + cost
			if old, seen := distance[column]; !done[column] && (!seen || d < old) {
				distance[column], from[column] = d, r
				heap.Push(queue, reachable{column, d})
			}
		})
	}
	relax(row, 0)
	var closed []int
	free := -1
	total := 0.0
	for free < 0 {
		p := heap.Pop(queue).(reachable) // never empty: every row may stay alone
		if done[p.column] || p.distance > distance[p.column] {
			continue
		}
		done[p.column] = true
		owner, taken := s.rowOf[p.column]
		if !taken {
			free, total = p.column, p.distance
			break
		}
		closed = append(closed, p.column)
		relax(owner, p.distance-s.cost(owner, p.column))
	}
	for _, c := range closed {
		s.dual[c] += distance[c] - total
	}
	for column := free; ; {
		r := from[column]
		s.rowOf[column] = r
		column, s.columnOf[r] = s.columnOf[r], column
		if r == row {
			return
		}
	}
}

// cost is that of the column that a row has, less the column's dual.
func (s *assignment) cost(r, column int) float64 {
	found := math.Inf(1)
	s.each(r, func(c int, cost float64) {
		if c == column {
			found = cost
		}
	})
	return found
}

// reachable is a column that can be reached at a distance.
type reachable struct {
	column   int
	distance float64
}

// reached is a heap of columns, nearest first; of equals the one with the lower column.
type reached []reachable

func (q reached) Len() int { return len(q) }
func (q reached) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].distance, q[j].distance), cmp.Compare(q[i].column, q[j].column)) < 0
}
func (q reached) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *reached) Push(p any)   { *q = append(*q, p.(reachable)) }
func (q *reached) Pop() any {
	old := *q
	p := old[len(old)-1]
	*q = old[:len(old)-1]
	return p
}

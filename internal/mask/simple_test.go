package mask

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestContacts(t *testing.T) {
	for name, test := range map[string]struct {
		ring             Ring
		contact, crosses bool
	}{
		"square":                 {Ring{{0, 0}, {4, 0}, {4, 4}, {0, 4}}, false, false},
		"closed square":          {Ring{{0, 0}, {4, 0}, {4, 4}, {0, 4}, {0, 0}}, false, false},
		"repeated vertex":        {Ring{{0, 0}, {4, 0}, {4, 0}, {4, 4}, {0, 4}}, false, false},
		"vertex in a side":       {Ring{{0, 0}, {2, 0}, {4, 0}, {4, 4}, {0, 4}}, false, false},
		"bow tie":                {Ring{{0, 0}, {4, 4}, {4, 0}, {0, 4}}, true, true},
		"eight through a vertex": {Ring{{0, 0}, {2, 2}, {4, 0}, {4, 4}, {2, 2}, {0, 4}}, true, false},
		"eight that crosses":     {Ring{{0, 0}, {2, 2}, {4, 4}, {4, 0}, {2, 2}, {0, 4}}, true, true},
		"touches a side":         {Ring{{0, 0}, {4, 0}, {4, 4}, {2, 0}, {0, 4}}, true, false},
		"dips through a side":    {Ring{{0, 0}, {4, 0}, {4, 4}, {2, -1}, {0, 4}}, true, true},
		"spike":                  {Ring{{0, 0}, {4, 0}, {4, 4}, {8, 4}, {4, 4}, {0, 4}}, true, false},
		"there and back":         {Ring{{0, 0}, {4, 0}, {8, 0}}, true, false},
		"spike, then a crossing": {Ring{{0, 0}, {-3, 0}, {0, 0}, {9, 9}, {9, 0}, {0, 9}}, true, true},
		"two vertices":           {Ring{{0, 0}, {4, 0}, {0, 0}}, false, false},
		"NaN":                    {Ring{{0, 0}, {4, math.NaN()}, {0, 4}}, false, false},
		"huge":                   {Ring{{-1e308, -1e308}, {1e308, -1e308}, {1e308, 1e308}}, false, false},
		"nearly in a line":       {Ring{{0, 0}, {0.1, 0.1}, {0.3, 0.30000000000000004}, {0.2, 0.1}}, false, false},
	} {
		c := test.ring.Contact()
		if (c != nil) != test.contact || c != nil && c.Crosses != test.crosses {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// pairs is the contact that comparing all sides finds.
func pairs(r Ring) bool {
	v, _ := distinct(r)
	s := &simplicity{v: v}
	for i := range v {
		for j := range i {
			if s.v[i] == s.v[j] || s.meet(int32(i), int32(j)) != nil {
				return true
			}
		}
	}
	return false
}

// TestSweepFindsWhatPairsDo sweeps rings on small grids, on which sides meet in every way, and stars, which are simple.
func TestSweepFindsWhatPairsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	found := [2]int{}
	for i := range 30_000 {
		n, size := 3+r.IntN(10), 2+r.IntN(12)
		ring := make(Ring, n)
		for k := range ring {
			switch angle := 2 * math.Pi * float64(k) / float64(n); {
			case i%3 == 0:
				ring[k] = Vertex{math.Cos(angle) * (1 + r.Float64()), math.Sin(angle) * (1 + r.Float64())}
			case i%3 == 1:
				ring[k] = Vertex{math.Round(9 * math.Cos(angle) * (1 + r.Float64())), math.Round(9 * math.Sin(angle))}
			default:
				ring[k] = Vertex{float64(r.IntN(size)), float64(r.IntN(size))}
			}
		}
		v, _ := distinct(ring)
		if len(v) < 3 {
			continue
		}
		got, swept, want := ring.Contact() != nil, (&simplicity{v: v}).sweep() != nil, pairs(ring)
		if got != want || swept != want {
			t.Fatalf("%v: found %v, the sweep says %v, all pairs %v", ring, got, swept, want)
		}
		if want {
			found[1]++
		} else {
			found[0]++
		}
	}
	if min(found[0], found[1]) < 3000 {
		t.Errorf("%v rings without and with a contact", found)
	}
}

// TestSweepIsNotQuadratic takes a ring that would take a minute by pairs.
func TestSweepIsNotQuadratic(t *testing.T) {
	ring := make(Ring, 200_000)
	for i := range ring {
		a := 2 * math.Pi * float64(i) / float64(len(ring))
		radius := 1000 + 900*float64(i%2) // long teeth, all crossed by the line at once
		ring[i] = Vertex{radius * math.Cos(a), radius * math.Sin(a)}
	}
	if c := ring.Contact(); c != nil {
		t.Errorf("a star: %+v", c)
	}
	ring[100], ring[102] = ring[102], ring[100]
	if c := ring.Contact(); c == nil || !c.Crosses {
		t.Errorf("a star with two vertices exchanged: %+v", c)
	}
}

func FuzzContact(f *testing.F) {
	f.Add([]byte{0, 0, 4, 4, 4, 0, 0, 4})
	f.Fuzz(func(t *testing.T, code []byte) {
		var ring Ring
		for ; len(code) >= 2 && len(ring) < 100; code = code[2:] {
			ring = append(ring, Vertex{float64(int8(code[0])), float64(int8(code[1]))})
		}
		if v, _ := distinct(ring); len(v) >= 3 && ((ring.Contact() != nil) != pairs(ring) || ((&simplicity{v: v}).sweep() != nil) != pairs(ring)) {
			t.Fatalf("%v: the sweep and all pairs differ", ring)
		}
	})
}

func BenchmarkContact(b *testing.B) {
	ring := make(Ring, 36)
	for i := range ring {
		a := 2 * math.Pi * float64(i) / float64(len(ring))
		ring[i] = Vertex{math.Round(100*(30+20*math.Cos(a)*(1+0.1*math.Sin(3*a)))) / 100, math.Round(100*(30+20*math.Sin(a))) / 100}
	}
	for b.Loop() {
		if ring.Contact() != nil {
			b.Fatal("a blob is not simple")
		}
	}
}

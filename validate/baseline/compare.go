package baseline

import (
	"slices"
	"time"

	"github.com/micropq/micropq/validate"
)

// Comparison is findings beside a baseline.
type Comparison struct {
	New     []*validate.Finding // in the order they came in
	Known   int64
	Since   string  // the day from which the oldest of the known ones is known; "" where nothing is
	Stale   []Entry // with the number of times that they were not found
	Expired []Entry // that would have made findings known
}

// Looked says what a run looked for: an entry of anything else cannot be stale.
type Looked struct {
	Targets []string // that were read to their end
	Rules   []validate.Tuned
}

// Compare tells new findings from known ones on the day of now.
func (b *Baseline) Compare(findings []*validate.Finding, looked Looked, now time.Time) *Comparison {
	c := &Comparison{}
	today := now.Format(time.DateOnly)
	entries := make(map[string]*Entry, len(b.Entries))
	for i := range b.Entries {
		entries[b.Entries[i].Fingerprint] = &b.Entries[i]
	}
	found := make(map[string]int, len(b.Entries))
	for _, f := range findings {
		e := entries[f.Fingerprint]
		if e == nil {
			c.New = append(c.New, f)
			continue
		}
		found[f.Fingerprint]++
		switch expired := e.Expires != "" && e.Expires < today; { // dates of this form are in order as text
		case found[f.Fingerprint] > e.count():
			c.New = append(c.New, f)
		case expired:
			if found[f.Fingerprint] == 1 {
				c.Expired = append(c.Expired, *e)
			}
			c.New = append(c.New, f)
		default:
			c.Known++
			if e.Since != "" && (c.Since == "" || e.Since < c.Since) {
				c.Since = e.Since
			}
		}
	}
	c.Stale = b.stale(found, looked)
	return c
}

func (b *Baseline) stale(found map[string]int, looked Looked) (stale []Entry) {
	targets, rules := map[string]bool{}, map[string]bool{}
	for _, t := range looked.Targets {
		targets[b.name(t)] = true
	}
	for _, r := range looked.Rules {
		rules[r.ID] = true
	}
	for _, e := range b.Entries {
		missing := e.count() - found[e.Fingerprint]
		if missing <= 0 || !targets[e.Target] || !rules[e.Rule] {
			continue
		}
		e.Count = missing
		stale = append(stale, e)
	}
	return stale
}

// Prune takes stale entries of a comparison out and reports how many findings they stood for.
func (b *Baseline) Prune(stale []Entry) (n int) {
	gone := map[string]int{}
	for _, e := range stale {
		gone[e.Fingerprint] = e.count()
	}
	b.Entries = slices.DeleteFunc(b.Entries, func(e Entry) bool { return gone[e.Fingerprint] >= e.count() })
	for i := range b.Entries {
		e := &b.Entries[i]
		if left := e.count() - gone[e.Fingerprint]; left == 1 {
			e.Count = 0
		} else {
			e.Count = left
		}
	}
	for _, k := range gone {
		n += k
	}
	return n
}

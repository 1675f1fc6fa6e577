package coco

import (
	"cmp"
	"slices"
	"sync"

	"github.com/micropq/micropq/validate"
)

// key is what records with the same problem have in common.
type key struct{ table, name, value, problem string }

// rows are the first record with a problem and how many have it.
type rows struct{ first, count int64 }

// keys collects what is wrong with keys, a piece for all records with the same problem.
type keys struct {
	mu    sync.Mutex
	found map[key]rows
}

// maxKeys bounds the problems that are told apart by a value.
const maxKeys = 10_000

func (k *keys) add(what key, row int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.found == nil {
		k.found = map[key]rows{}
	}
	r, known := k.found[what]
	if !known && len(k.found) >= maxKeys {
		what.value = ""
		r, known = k.found[what]
	}
	if !known || row < r.first {
		r.first = row
	}
	r.count++
	k.found[what] = r
}

// check adds a key that a record does not have, or has of another type. seen holds, for the keys that were read, whether their
// value was of the right type.
func (k *keys) check(table, name string, row int64, seen map[string]bool) {
	if ok, has := seen[name]; !has {
		k.add(key{table, name, "", "is missing"}, row)
	} else if !ok {
		k.add(key{table, name, "", "is of the wrong type"}, row)
	}
}

// list is what was found, by table, key and row.
func (k *keys) list() (errs []*validate.KeyError) {
	for what, r := range k.found {
		errs = append(errs, &validate.KeyError{
			Table: what.table, Key: what.name, Value: what.value, Problem: what.problem, Row: r.first, Rows: r.count,
		})
	}
	slices.SortFunc(errs, func(a, b *validate.KeyError) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Row, b.Row),
			cmp.Compare(a.Value, b.Value), cmp.Compare(a.Problem, b.Problem))
	})
	return errs
}

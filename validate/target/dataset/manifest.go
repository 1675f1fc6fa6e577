package dataset

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// leniently reads what can be read of a manifest that breaks the format, so that its claims are compared all the
// same; nil where it is no JSON of that kind.
func leniently(data []byte) *schemas.Manifest {
	var m schemas.Manifest
	if json.Unmarshal(data, &m) != nil {
		return nil
	}
	return &m
}

// layout is what the options of a conversion say of class masks.
type layout struct {
	classes map[string]string           // class by the array that is its mask
	values  map[string]map[int64]string // class by the value, of arrays whose values are classes; nil where they have no meaning
	known   []string                    // classes that instances may have, nil where nothing says so
	rest    string                      // class of an instance that no mask claims, "" for none
	claim   float64                     // share of an instance that claims it
}

// layoutOptions are the options of a conversion of label images (package convert/labels), as far as they say
// what arrays mean.
type layoutOptions struct {
	Files []struct {
		Role   string             `json:"role"`
		Class  string             `json:"class"`
		Values map[string][]int64 `json:"values"`
	} `json:"files"`
	Claim     float64 `json:"claim_share"`
	Unclaimed string  `json:"unclaimed"`
}

// Names that a conversion of label images gives its arrays.
const (
	maskPrefix     = "mask_"
	analysableMask = "mask_am_vs_nam"
	secondArray    = "second_annotation"
	defaultClaim   = 0.5
)

// layoutOf reads the layout in a manifest. It is nil where there is none.
func layoutOf(m *schemas.Manifest) *layout {
	if m == nil || m.Options["layout"] == nil {
		return nil
	}
	var o layoutOptions
	data, err := json.Marshal(m.Options["layout"])
	if err != nil || json.Unmarshal(data, &o) != nil {
		return nil
	}
	l := &layout{classes: map[string]string{}, values: map[string]map[int64]string{}, claim: o.Claim, rest: o.Unclaimed}
	if l.claim <= 0 || l.claim > 1 {
		l.claim = defaultClaim
	}
	known := func(class string) {
		if class != "" && !slices.Contains(l.known, class) {
			l.known = append(l.known, class)
		}
	}
	known(o.Unclaimed)
	for _, f := range o.Files {
		switch f.Role {
		case "class":
			l.classes[maskPrefix+strings.ToLower(f.Class)] = f.Class
			known(f.Class)
		case "am_vs_nam":
			l.values[analysableMask] = nil
			for class, values := range f.Values {
				known(class)
				if l.values[analysableMask] == nil {
					l.values[analysableMask] = map[int64]string{}
				}
				for _, v := range values {
					l.values[analysableMask][v] = class
				}
			}
		}
	}
	slices.Sort(l.known)
	return l
}

// isMask reports whether an array of labels marks classes and not instances.
func (l *layout) isMask(array string) bool {
	if l == nil {
		return false
	}
	_, values := l.values[array]
	return values || l.classes[array] != ""
}

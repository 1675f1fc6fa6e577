package schemas

import "slices"

// Revision says what a data set with edited annotations was made from.
type Revision struct {
	Number  int    `json:"number"`  // the parent's plus 1; 1 where the parent was converted
	Parent  string `json:"parent"`  // SHA-256 of the parent's manifest, lower-case hexadecimal
	Entries int64  `json:"entries"` // of the parent's journal that were published
	Journal string `json:"journal"` // sum of the last of them
	// Redrawn are the label arrays whose chunks hold other elements than the masks of their
	// instances do, which count.
	Redrawn []ArrayRef `json:"redrawn"`
}

// ArrayRef names an array of a sample.
type ArrayRef struct {
	Sample string `json:"sample"`
	Array  string `json:"array"`
}

// Redrawn reports whether the masks of an array's instances count, and not its chunks.
func (m *Manifest) Redrawn(sample, array string) bool {
	return m.Revision != nil && slices.Contains(m.Revision.Redrawn, ArrayRef{sample, array})
}

package fisbegen

import (
	"fmt"
	"slices"
	"strings"
)

// Sample names a sample and says where in the release it lies.
type Sample struct {
	Subset, Split, Name string
	Seed                uint64
}

// Folder is the sample's zarr group relative to the release, with slashes.
func (s Sample) Folder() string { return s.Subset + "/" + s.Split + "/" + s.Name + ".zarr" }

// maxSamples keeps the search for a name that is not taken short.
const maxSamples = 10000

// samples lists the release's samples. Splits take turns, train more often than the others,
// as in the published data set; a line stays inside one split.
func (o Options) samples() []Sample {
	turns := []string{"train", "val", "test", "train", "train"}
	lines := map[string]bool{}
	var all []Sample
	for k, subset := range o.Subsets {
		for i := range o.Samples {
			seed := derive(o.Seed, k*maxSamples+i)
			r := random(seed)
			line := r.line()
			for lines[line] {
				line = r.line()
			}
			lines[line] = true
			all = append(all, Sample{subset, turns[i%len(turns)], line + "-" + r.slide(), seed})
		}
	}
	return all
}

// line is a driver line's name in one of the published forms.
func (r *random) line() string {
	switch r.intn(5) {
	case 0:
		return fmt.Sprintf("R%d%c%02d", r.between(10, 95), 'A'+r.intn(8), r.between(1, 12))
	case 1:
		return fmt.Sprintf("JRC_SS%05d", r.between(1, 60000))
	default:
		return fmt.Sprintf("VT%06d", r.between(1, 64000))
	}
}

// slide is the rest of a sample's name: <YYYYMMDD>_<slide>_<position>.
func (r *random) slide() string {
	return fmt.Sprintf("%d%02d%02d_%d_%c%d", r.between(2016, 2018), r.between(1, 12), r.between(1, 28), r.between(61, 66), 'A'+r.intn(10), r.between(1, 6))
}

// list is sample_list_per_split.txt.
func list(samples []Sample) string {
	var b strings.Builder
	for i, subset := range Subsets {
		fmt.Fprintf(&b, "(%d) samples for FlyLight %s:\n\n", i+1, subset)
		for _, split := range Splits {
			fmt.Fprintf(&b, "%s:\n", split)
			var names []string
			for _, s := range samples {
				if s.Subset == subset && s.Split == split {
					names = append(names, s.Name)
				}
			}
			slices.Sort(names)
			for _, name := range names {
				b.WriteString(name + "\n")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

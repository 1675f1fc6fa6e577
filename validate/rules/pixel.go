package rules

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/labelimage"
	"github.com/micropq/micropq/internal/tiffio"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

// pixelRules are the rules PX: arrays, their types and pixel sizes.
var pixelRules = []validate.Rule{{
	ID: "PX001", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "image and mask differ in shape or axes",
	Why:     "Every outline lands on other pixels than the annotator drew it on, or training stops with an error.",
	Example: "The mask is YX 1000x1200, the image YX 1200x1000: one of them is turned.",
	Mend:    "Export the mask again at the full size and orientation of the image it belongs to.",
	Looks:   validate.Looks{Array: shapesAgree},
}, {
	ID: "PX002", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "the elements of a mask cannot be labels, or are of several types",
	Why:     "Ids are whole numbers. Colours, floats and several channels hold them only by accident, and every reader takes them otherwise.",
	Example: "The mask was saved as an RGB picture, or as float32.",
	Mend:    "Save the mask as one channel of unsigned integers, 16 or 32 bits.",
	Looks:   validate.Looks{Array: labelType, Chunk: oneType},
}, {
	ID: "PX003", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "ids saturate or exceed the element type",
	Why:     "Where ids run into the largest number that an element holds, objects after that were given an id that another has, or none.",
	Example: "A uint8 mask has the ids 1 to 255: the section has more than 255 fibres.",
	Mend:    "Number the instances again from the source and save them with more bits.",
	Looks:   validate.Looks{Layer: saturates},
}, {
	ID: "PX004", Severity: validate.Warning, For: validate.Volume | validate.Tissue,
	Title:   "the pixel size is missing, zero or not finite",
	Why:     "Areas and distances cannot be given in micrometres, and images of different magnification are mixed up.",
	Example: `PhysicalSizeX="0" in OME-XML, or a resolution of 4294967295/0.`,
	Mend:    "Export the image again with its physical pixel size, or give it when converting.",
	Looks:   validate.Looks{Array: pixelSize},
}, {
	ID: "PX005", Severity: validate.Warning, For: validate.Volume | validate.Tissue,
	Title:   "the file's description has indices out of range, or contradicts its pages",
	Why:     "Readers that go by the description take other planes than were meant, or refuse the file.",
	Example: `A plane of OME-XML has TheC="1" where SizeC is 1: indices count from 0.`,
	Mend:    "Write the file again with a tool that writes valid OME-XML, such as bfconvert or tifffile.",
	Looks:   validate.Looks{File: descriptions},
}, {
	ID: "PX006", Severity: validate.Error, For: validate.Volume | validate.Tissue,
	Title:   "a value that stands for unknown or ignore is taken for an instance",
	Why:     "The region to be left out is trained on and counted as one more object.",
	Example: "The ids are 1 to 40, and 255 fills the part that was not annotated.",
	Mend:    "Set the region to 0 and keep it in a mask of its own; or number the instance otherwise if it is one.",
	Limits: []validate.Limit{
		{Name: "sentinel", Doc: "value that stands for unknown in these masks; 0: the largest value of the type (255, 65535), where it stands far apart from the other ids"},
		{Name: "apart", Default: 2, Doc: "how many times the next id such a value must be, where none is named"},
	},
	Looks: validate.Looks{Layer: sentinels},
}, {
	ID: "PX008", Severity: validate.Warning, For: validate.Tissue,
	Title:   "a strip or tile inflates past the limit",
	Why:     "Most readers decode a strip as a whole: a small file takes all of the memory, or is refused.",
	Example: "A mask of 40000x40000 pixels is one strip of 6.4 GB.",
	Mend:    "Write the file again in tiles of 256 to 1024 pixels, or in strips of a few rows.",
	Limits: []validate.Limit{
		// The largest strip of NCL-SM takes 371 MB.
		{Name: "max_bytes", Default: 512 << 20, Unit: "bytes", Doc: "largest strip or tile once it is decoded"},
	},
	Looks: validate.Looks{Array: segments},
}}

// spatial are the axes and extents of an array without times and channels.
func spatial(a *schemas.Array) (axes string, shape []int64) {
	for i, n := range a.Shape {
		if i < len(a.Axes) && strings.ContainsRune("ZYX", rune(a.Axes[i])) {
			axes, shape = axes+a.Axes[i:i+1], append(shape, n)
		}
	}
	return axes, shape
}

// extent writes axes and extents for people: YX 20x30.
func extent(axes string, shape []int64) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = fmt.Sprint(n)
	}
	return axes + " " + strings.Join(parts, "x")
}

func shapesAgree(s *validate.Scope, a *validate.Array) {
	if a.Image == nil || len(a.Shape) == 0 || !s.For(a.Kind) {
		return
	}
	axes, shape := spatial(&a.Array)
	wantAxes, want := spatial(&a.Image.Array)
	if axes == wantAxes && slices.Equal(shape, want) {
		return
	}
	other, hint := "the image", ""
	if a.Image.Role == schemas.RoleLabels {
		other = "the annotation beside it"
	}
	if n := len(shape); axes == wantAxes && n >= 2 && shape[n-1] == want[n-2] && shape[n-2] == want[n-1] {
		hint = ": one of them is turned"
	}
	s.Report(validate.Finding{
		Message: fmt.Sprintf("the mask is %s, %s %s%s", extent(axes, shape), other, extent(wantAxes, want), hint),
		Place:   a.Place, Value: shape, Limit: want,
	})
}

func labelType(s *validate.Scope, a *validate.Array) {
	if a.Role != schemas.RoleLabels || !s.For(a.Kind) {
		return
	}
	for _, err := range a.Errs {
		var not *labelimage.NotLabelsError
		if errors.As(err, &not) {
			s.Report(validate.Finding{Message: not.Reason, Place: a.Place, Value: a.DType})
			return
		}
	}
	if d := schemas.DType(a.DType); d != "" && !d.Label() {
		s.Report(validate.Finding{Message: fmt.Sprintf("elements of type %s cannot be labels", d), Place: a.Place, Value: a.DType})
	}
}

func oneType(s *validate.Scope, c *validate.Chunk) {
	if c.Row == nil || c.Array == nil || c.Array.Role != schemas.RoleLabels || c.Row.DType == c.Array.DType {
		return
	}
	s.Report(validate.Finding{
		Message: fmt.Sprintf("a chunk has elements of type %s, the array of type %s", c.Row.DType, c.Array.DType),
		Place:   c.Place, Value: c.Row.DType, Limit: c.Array.DType,
		Detail: fmt.Sprint(c.Row.T, c.Row.C, c.Row.Z, c.Row.Y, c.Row.X),
	})
}

// largest is the largest value of a type of integers, 0 for others and for bool, whose only value is no number.
func largest(d schemas.DType) uint64 {
	switch bits := 8 * d.Size(); {
	case d.Float() || d == schemas.Bool || bits == 0:
		return 0
	case d.Signed():
		return 1<<(bits-1) - 1
	default:
		return 1<<bits - 1
	}
}

// topIDs are the instances of the two largest ids, nil where there are none: of an image of one value, which is a
// binary mask, and where each instance has a channel of its own and its value there is no matter.
func topIDs(l *validate.Layer) (top, next *validate.Instance) {
	if n := len(l.Instances); n > 1 && l.Channels == 0 {
		return l.Instances[n-1], l.Instances[n-2]
	}
	return nil, nil
}

// sentinel is the instance whose id is the largest value of the type and stands so far apart from the others
// that it is none: -1 in a signed type, once it was cast, is such a value too. It is nil where there is none.
func sentinel(l *validate.Layer, apart float64) (top *validate.Instance) {
	top, next := topIDs(l)
	if next == nil || float64(top.ID) < apart*float64(next.ID) || top.ID == next.ID+1 {
		return nil
	}
	if uint64(top.ID) != largest(l.DType) {
		return nil
	}
	return top
}

// defaultApart keeps PX003 from reporting what PX006 does.
const defaultApart = 2

func saturates(s *validate.Scope, l *validate.Layer) {
	top, next := topIDs(l)
	limit := largest(l.DType)
	if next == nil || limit == 0 || uint64(top.ID) < limit || !s.For(l.Kind) || sentinel(l, defaultApart) != nil {
		return
	}
	what := "is the largest value"
	if uint64(top.ID) > limit {
		what = "is larger than any value"
	}
	s.Report(validate.Finding{
		Message: fmt.Sprintf("id %d %s of %s: %d instances have ids up to it", top.ID, what, l.DType, len(l.Instances)),
		Place:   top.Place, Value: top.ID, Limit: limit,
	})
}

func pixelSize(s *validate.Scope, a *validate.Array) {
	// Labels have the pixel size of their image.
	if a.Image != nil && a.Image.Role == schemas.RoleImage || len(a.Shape) == 0 || !s.For(a.Kind) {
		return
	}
	axes, _ := spatial(&a.Array)
	report := func(message string, value any) {
		s.Report(validate.Finding{Message: message, Place: a.Place, Value: value})
	}
	if len(a.PixelSizeUM) == 0 {
		message := "the pixel size is not known"
		if a.PixelSizeReason != "" {
			message += ": " + a.PixelSizeReason
		}
		report(message, nil)
		return
	}
	for i, v := range a.PixelSizeUM {
		if v > 0 && !math.IsInf(v, 0) {
			continue
		}
		axis := ""
		if k := len(axes) - len(a.PixelSizeUM) + i; k >= 0 {
			axis = " along " + axes[k:k+1]
		}
		report(fmt.Sprintf("the pixel size%s is %v um", axis, v), fmt.Sprint(v))
		return
	}
}

func descriptions(s *validate.Scope, f *validate.File) {
	for _, problem := range f.Problems {
		s.Report(validate.Finding{Message: problem, Place: f.Place, Detail: problem})
	}
}

func sentinels(s *validate.Scope, l *validate.Layer) {
	if !s.For(l.Kind) {
		return
	}
	report := func(in *validate.Instance, why string) {
		s.Report(validate.Finding{
			Message: fmt.Sprintf("id %d %s, and %d elements have it", in.ID, why, in.Mask.Area()),
			Place:   in.Place, Value: in.ID,
		})
	}
	if named := int64(s.Limit("sentinel")); named != 0 {
		if i, ok := slices.BinarySearchFunc(l.Instances, named, func(in *validate.Instance, id int64) int { return int(min(1, max(-1, in.ID-id))) }); ok {
			report(l.Instances[i], "stands for unknown")
		}
		return
	}
	if in := sentinel(l, s.Limit("apart")); in != nil {
		_, next := topIDs(l)
		report(in, fmt.Sprintf("looks like a value for unknown (the next id is %d)", next.ID))
	}
}

func segments(s *validate.Scope, a *validate.Array) {
	if !s.For(a.Kind) {
		return
	}
	if limit := s.Limit("max_bytes"); float64(a.Segment) > limit {
		s.Report(validate.Finding{
			Message: fmt.Sprintf("a strip or tile takes %d bytes decoded, more than %.0f", a.Segment, limit),
			Place:   a.Place, Value: a.Segment, Limit: limit,
		})
	}
	for _, err := range a.Errs {
		if errors.Is(err, tiffio.ErrTooLong) {
			s.Report(validate.Finding{Message: err.Error(), Place: a.Place})
		}
	}
}

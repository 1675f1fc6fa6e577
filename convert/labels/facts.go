package labels

import (
	"fmt"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/schemas"
)

// pixelSize is the size of a pixel along Y and X and where it comes from: the layout, else
// the image, else a mask. It is nil where none of them tells it.
func (sm *sample) pixelSize(l *Layout) (size []float64, source *string) {
	if l.PixelSizeUM != nil {
		return l.PixelSizeUM, ptr(schemas.FromUser)
	}
	for _, p := range sm.inOrder() {
		if p.pixelUM != nil {
			return p.pixelUM, ptr(schemas.FromFile)
		}
	}
	return nil, nil
}

// squarePixel is the side of a pixel in micrometres, 0 where that is not known or the
// pixels are not square.
func (sm *sample) squarePixel(l *Layout) float64 {
	if size, _ := sm.pixelSize(l); size != nil && size[0] == size[1] {
		return size[0]
	}
	return 0
}

// whyNoPixelSize says of every reason which files gave it.
func (sm *sample) whyNoPixelSize() string {
	var reasons []string
	for _, p := range sm.inOrder() {
		if r := fmt.Sprintf("%s: %s", p.key, p.whyNot); len(reasons) < 3 && p.whyNot != "" {
			reasons = append(reasons, r)
		}
	}
	return strings.Join(reasons, "; ")
}

// inOrder lists the pictures with the image first.
func (sm *sample) inOrder() (out []*header) {
	if img := sm.headers[rawArray]; img != nil {
		out = append(out, img)
	}
	for _, m := range sm.members {
		if m.Role != Image {
			out = append(out, sm.headers[m.array()])
		}
	}
	return out
}

// channels are the roles of the channels of the image: those of the layout, of the kind of
// data set, or the names the file gives. What is left without a name is named by its number.
func (s *Source) channels(sm *sample) []string {
	m, p := sm.member(Image), sm.headers[rawArray]
	names := m.Channels
	if names == nil && len(s.kind.Channels) == p.channelCount() {
		names = s.kind.Channels
	}
	if names == nil {
		names = p.channels
	}
	if names == nil {
		return nil
	}
	out := slices.Clone(names)
	for len(out) < p.channelCount() {
		out = append(out, fmt.Sprintf("channel_%d", len(out)))
	}
	return out
}

// empty names the channels whose projection, the maximum over every element, is 0: so is
// every element then: values without a sign have no other maximum. Channels without names are named by their number.
func empty(p *arrays.Projection, d schemas.DType, names []string) []string {
	out := []string{}
	if d != schemas.Bool && !strings.HasPrefix(string(d), "uint") {
		return out
	}
	n := p.Height * p.Width
	for c := range p.Channels {
		if !slices.ContainsFunc(p.Values[c*n:(c+1)*n], func(v float32) bool { return v != 0 }) {
			name := fmt.Sprintf("channel_%d", c)
			if c < len(names) {
				name = names[c]
			}
			out = append(out, name)
		}
	}
	return out
}

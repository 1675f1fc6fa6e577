package card

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/micropq/micropq/schemas"
)

// features are the Hugging Face features of columns as a list of the card's YAML, each line
// behind indent.
func features(columns []schemas.Column, indent string) string {
	var b strings.Builder
	for i := range columns {
		fmt.Fprintf(&b, "%s- name: %s\n", indent, strconv.Quote(columns[i].Name))
		feature(&b, &columns[i], indent+"  ")
	}
	return b.String()
}

// feature writes the type of a column: a key and what belongs below it.
func feature(b *strings.Builder, c *schemas.Column, indent string) {
	switch {
	case c.Feature == schemas.FeatureImage, c.Classes != nil, c.Type != schemas.TypeList && c.Type != schemas.TypeStruct:
		b.WriteString(indent + "dtype: ")
		dtype(b, c, indent)
	case c.Type == schemas.TypeStruct:
		b.WriteString(indent + "struct:\n" + features(c.Fields, indent))
	case c.Elem.Feature == schemas.FeatureImage, c.Elem.Type != schemas.TypeList && c.Elem.Type != schemas.TypeStruct:
		b.WriteString(indent + "list: ")
		dtype(b, c.Elem, indent)
	case c.Elem.Type == schemas.TypeStruct:
		b.WriteString(indent + "list:\n" + features(c.Elem.Fields, indent))
	default:
		b.WriteString(indent + "list:\n")
		feature(b, c.Elem, indent+"  ")
	}
}

// dtype writes what stands behind a key, and below it, for a column that holds no others.
func dtype(b *strings.Builder, c *schemas.Column, indent string) {
	switch {
	case c.Feature == schemas.FeatureImage:
		b.WriteString("image\n")
	case c.Classes != nil:
		fmt.Fprintf(b, "\n%s  class_label:\n%s    names:\n", indent, indent)
		for i, name := range c.Classes {
			fmt.Fprintf(b, "%s      '%d': %s\n", indent, i, strconv.Quote(name))
		}
	case c.Type == schemas.TypeDate:
		b.WriteString("date32\n")
	default:
		b.WriteString(string(c.Type) + "\n")
	}
}

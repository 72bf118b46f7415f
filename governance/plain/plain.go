// Package plain reads the YAML files in which rules and procedures stand: one
// document of maps, lists and plain values, with no word that the reader does not
// know, and nothing by which a file says more than a person sees in it or grows
// when it is read: no anchors, aliases, merges and tags. It is the sole importer of
// YAML. It trusts no file, and knows of none what it means.
package plain

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/yunei/yunei/fault"
)

// Limits are how much a file may have.
type Limits struct {
	Bytes, Nodes, Depth int
}

// Decode reads a file into v, a pointer to a struct with yaml tags. Errors are of
// kind Exhausted for what is too large and Invalid for what is not plain.
func Decode(raw []byte, l Limits, v any) error {
	if len(raw) > l.Bytes {
		return fmt.Errorf("%d bytes: %w", len(raw), fault.Exhausted)
	}
	if !utf8.Valid(raw) {
		return fmt.Errorf("not UTF-8: %w", fault.Invalid)
	}
	var root yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&root); err != nil {
		return fmt.Errorf("%s: %w", oneLine(err), fault.Invalid)
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than one document: %w", fault.Invalid)
	}
	left := l.Nodes
	if err := plain(&root, l, 0, &left); err != nil {
		return err
	}
	dec = yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", oneLine(err), fault.Invalid)
	}
	return nil
}

func plain(n *yaml.Node, l Limits, depth int, left *int) error {
	if *left--; *left < 0 || depth > l.Depth {
		return fmt.Errorf("line %d: more than %d nodes, or deeper than %d: %w", n.Line, l.Nodes, l.Depth, fault.Exhausted)
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return fmt.Errorf("line %d: an alias, an anchor or a tag: %w", n.Line, fault.Invalid)
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (c.Kind != yaml.ScalarNode || c.ShortTag() != "!!str") {
			return fmt.Errorf("line %d: a key that is no word: %w", c.Line, fault.Invalid)
		}
		if err := plain(c, l, depth+1, left); err != nil {
			return err
		}
	}
	return nil
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

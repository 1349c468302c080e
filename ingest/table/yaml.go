package table

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// yamlNode is a node of a YAML document: a scalar, a list or a mapping. The zero value is a missing
// node. Nothing is converted, so a number keeps its digits and a name such as y or null stays a
// text. Aliases are followed one at a time, so they cost no memory.
type yamlNode struct {
	node *yaml.Node
	left *int // members and items of the document that may yet be visited
}

// parseYAML parses a document whose lines have the given numbers in the file. What is not YAML is
// refused, and so is a document of more than MaxYAMLNodes nodes or deeper than MaxYAMLDepth.
func parseYAML(text []byte, lines []int) (yamlNode, error) {
	nodes := 0
	for _, c := range text {
		if strings.IndexByte(",:-?[{\n&*!", c) >= 0 {
			nodes++ // each node needs one of these
		}
	}
	if nodes > bounded.MaxYAMLNodes {
		return yamlNode{}, bounded.Refuse(bounded.Problem{
			Reason: fmt.Sprintf("the YAML of the header has more than %d nodes", bounded.MaxYAMLNodes)})
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return yamlNode{}, nil
	}
	var document yaml.Node
	err := yaml.Load(text, &document, yaml.WithPlugin(loaderlimits.New(
		loaderlimits.DepthValue(bounded.MaxYAMLDepth))))
	if err != nil {
		p := bounded.Problem{Reason: "the header is not valid YAML: " + problem.Clip(err.Error())}
		var bad *yaml.LoadError
		if errors.As(err, &bad) {
			p.Reason = "the header is not valid YAML: " + problem.Clip(bad.Message)
			if i := bad.Mark.Line - 1; i >= 0 && i < len(lines) {
				p.Line = lines[i]
			}
		}
		return yamlNode{}, bounded.Refuse(p)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) == 0 {
		return yamlNode{}, nil
	}
	left := bounded.MaxYAMLVisits
	return yamlNode{document.Content[0], &left}.target(), nil
}

// exhausted reports whether aliases and merge keys make the document too long to read, so that some
// of it was not visited.
func (n yamlNode) exhausted() bool { return n.left != nil && *n.left < 0 }

// visit returns a node below n. ok is false if too many were visited.
func (n yamlNode) visit(below *yaml.Node) (node yamlNode, ok bool) {
	*n.left--
	return yamlNode{below, n.left}.target(), *n.left >= 0
}

// target follows an alias.
func (n yamlNode) target() yamlNode {
	if n.node != nil && n.node.Kind == yaml.AliasNode {
		return yamlNode{n.node.Alias, n.left}
	}
	return n
}

// scalar is the text of a scalar; "" for null and for any other node.
func (n yamlNode) scalar() string {
	if n.node == nil || n.node.Kind != yaml.ScalarNode || n.node.ShortTag() == "!!null" {
		return ""
	}
	return n.node.Value
}

// name is the text of a scalar, even if that is a word for null, which may be the name of a column.
func (n yamlNode) name() string {
	if n.node == nil || n.node.Kind != yaml.ScalarNode {
		return ""
	}
	return n.node.Value
}

// tag is the tag that the document gives the node, without the exclamation mark.
func (n yamlNode) tag() string {
	if n.node == nil {
		return ""
	}
	return strings.TrimLeft(n.node.Tag, "!")
}

// line is the line of the node in the document, from 1; 0 for a missing node.
func (n yamlNode) line() int {
	if n.node == nil {
		return 0
	}
	return n.node.Line
}

// items calls fn for each item of a list, while there may be more visits.
func (n yamlNode) items(fn func(yamlNode)) {
	if n.node == nil || n.node.Kind != yaml.SequenceNode {
		return
	}
	for _, content := range n.node.Content {
		item, ok := n.visit(content)
		if !ok {
			return
		}
		fn(item)
	}
}

// members calls fn for each member of a mapping or of an ordered mapping (omap), which is a list of
// mappings, while there may be more visits. A mapping that a merge key names comes last.
func (n yamlNode) members(fn func(key string, value yamlNode)) {
	n.walkMembers(fn, bounded.MaxYAMLMerges)
}

func (n yamlNode) walkMembers(fn func(key string, value yamlNode), merges int) {
	if n.node == nil {
		return
	}
	if n.node.Kind == yaml.SequenceNode {
		n.items(func(item yamlNode) {
			if item.node.Kind == yaml.MappingNode {
				item.walkMembers(fn, merges)
			}
		})
		return
	}
	if n.node.Kind != yaml.MappingNode {
		return
	}
	var merged []yamlNode
	for i := 0; i+1 < len(n.node.Content); i += 2 {
		value, ok := n.visit(n.node.Content[i+1])
		if !ok {
			return
		}
		key := yamlNode{n.node.Content[i], n.left}.target()
		if key.name() == "<<" {
			merged = append(merged, value)
			continue
		}
		fn(key.name(), value)
	}
	for _, m := range merged {
		if merges > 0 {
			m.walkMembers(fn, merges-1)
		}
	}
}

// member returns the first member with a key.
func (n yamlNode) member(key string) (found yamlNode) {
	n.members(func(k string, value yamlNode) {
		if k == key && found.node == nil {
			found = value
		}
	})
	return found
}

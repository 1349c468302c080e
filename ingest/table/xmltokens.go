package table

import (
	"encoding/xml"

	"nightjar/ingest/bounded"
)

// XMLTokens reads the tokens of an XML file one after the other. A text has at most
// [bounded.MaxElement] bytes, a tag at most [bounded.MaxTag].
type XMLTokens struct{ in *voReader }

// NewXMLTokens reads a file from its beginning.
func NewXMLTokens(f bounded.File) (XMLTokens, error) {
	in, err := newVOReader(f, 0)
	return XMLTokens{in}, err
}

// Next returns the next token, which is valid until the following call, and the line where it ends.
// Start and end tags are not checked against each other. io.EOF comes after the last token; a file
// that is not XML is a [bounded.Refusal].
func (x XMLTokens) Next() (t xml.Token, line int, err error) {
	t, err = x.in.token()
	line, _ = x.in.xml.InputPos()
	return t, line, err
}

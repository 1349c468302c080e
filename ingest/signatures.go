package ingest

import "bytes"

// foreign names, from its first bytes, a file that none of the text readers may take for a plain
// table, and says why it is refused; "" for what may be text. Tables of a special format are here
// too: read as plain columns they would be stored wrongly (the m of ATLAS is negative for a
// negative flux, a unit in an ECSV header would be overlooked).
func foreign(head []byte) string {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.start)) {
			return s.reason
		}
	}
	text := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	text = bytes.TrimLeft(text, " \t\r\n")
	for _, s := range textSignatures {
		if len(text) >= len(s.start) && bytes.EqualFold(text[:len(s.start)], []byte(s.start)) {
			return s.reason
		}
	}
	return ""
}

type signature struct{ start, reason string }

var signatures = []signature{
	{"SIMPLE  =", "not text: a FITS file"},
	{"\x89PNG", "not text: a PNG image"},
	{"\xff\xd8\xff", "not text: a JPEG image"},
	{"GIF8", "not text: a GIF image"},
	{"%PDF", "not text: a PDF document"},
	{"\x89HDF", "not text: an HDF5 file"},
	{"PK\x03\x04", "not text: a ZIP archive or spreadsheet; save the table as CSV"},
	{"\x1f\x8b", "not text: compressed with gzip twice"},
	{"BZh", "not text: compressed with bzip2, which is not read; unpack it first"},
	{"\xfd7zXZ", "not text: compressed with xz, which is not read; unpack it first"},
	{"\xff\xfe", "not UTF-8: UTF-16, save the file as UTF-8"},
	{"\xfe\xff", "not UTF-8: UTF-16, save the file as UTF-8"},
}

var textSignatures = []signature{
	{"<?xml", "an XML document that is no VOTable"},
	{"<VOTABLE", "a VOTable"},
	{"<!DOCTYPE", "a web page, not a table"},
	{"<html", "a web page, not a table"},
	{"{", "a JSON document, not a table"},
	{"[", "a JSON document, not a table"},
}

// isText tells whether the text readers may try.
func isText(head []byte) bool { return foreign(head) == "" }

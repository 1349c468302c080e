package fixed

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
)

// readAll returns the rows of a table, and what is wrong with it or with its first bad row.
func readAll(read func(bounded.File) (*table.Table, error), text string) (t *table.Table, rows [][]string, err error) {
	f := bounded.File{Name: "f", Size: int64(len(text)), Content: bytes.NewReader([]byte(text))}
	if t, err = read(f); err != nil {
		return nil, nil, err
	}
	in, err := t.Open(func([]byte) {})
	if err != nil {
		return t, nil, err
	}
	for {
		var r bounded.Row
		if err := in.Next(&r); err == io.EOF {
			return t, rows, nil
		} else if err != nil {
			return t, rows, err
		}
		if r.Reason != "" {
			return t, rows, errors.New(r.Reason)
		}
		rows = append(rows, table.Texts(r.Cells))
	}
}

func TestIPACHeader(t *testing.T) {
	of, rows, err := readAll(ReadIPAC, "\\int N = 3\n\\WHO = 'me = you'\n\\ N = 4\n|--a---| b|\n| char | i|\n|    "+
		"  | d|\n| -    |-9|\n"+
		" x y    1 \n -      -9\n")
	if err != nil || of.Keys["N"] != "3" || of.Keys["WHO"] != "me = you" || of.First[0] != "a" ||
		of.Fields[1].Unit != "d" ||
		!of.Fields[0].Text || of.Fields[1].Text {
		t.Fatalf("%v %+v", err, of)
	}
	if len(rows) != 2 || strings.Join(rows[0], "|") != "x y|1" || strings.Join(rows[1], "|") != "|" {
		t.Errorf("%q", rows)
	}
}

// TestRecognised: other files with bars, backslashes or such words are not taken for these formats.
func TestRecognised(t *testing.T) {
	for text, want := range map[string]bool{
		"|mjd|mag|\n|double|real|\n": true, "\\a\n|mjd|mag|\n": true, "| mjd | mag |\n| 61100 | 18 |\n": false,
		"|mjd|mag|\n|---|---|\n": false, "\\documentclass{article}\n\\begin{document}\n": false, "": false,
		"mjd|mag\n": false,
	} {
		if got := IsIPAC([]byte(text)); got != want {
			t.Errorf("IsIPAC(%q) = %v", text, got)
		}
	}
	for text, want := range map[string]bool{
		"Title: x\n  Byte-by-byte Description of file: x\n": true, "# Byte-by-byte Description of file: x\n": false,
		"a Byte-by-byte description\n": false, "": false,
	} {
		if got := IsMRT([]byte(text)); got != want {
			t.Errorf("IsMRT(%q) = %v", text, got)
		}
	}
}

// TestNulls: the forms in which an explanation gives the null.
func TestNulls(t *testing.T) {
	line := strings.Repeat("-", 80) + "\n"
	for explanation, want := range map[string]string{
		"?=-9.9 mag": "-9.9", "[0/10]?=99.99": "99.99", "? mag": "", "?=\"\" mag": "", "mag": "", "]0/5[? mag": "",
		"?+=-1; x": "-1", "is it?=9": "", "?=NULL, x": "NULL",
	} {
		text := "Byte-by-byte Description of file: x\n" + line + "   Bytes Format Units Label Explanations\n" + line +
			"   1-  6 A6   mag   a     " + explanation + "\n   8- 10 I3   ---   b     B\n" + line + "x\n" + want + "\n"
		_, rows, err := readAll(ReadMRT, text)
		if err != nil || rows[0][0] != "x" || want != "" && rows[1][0] != "" {
			t.Errorf("%s: %v %q", explanation, err, rows)
		}
	}
}

func FuzzIPAC(f *testing.F) {
	for _, s := range []string{"\\k = 'v'\n|a|b |\n|r|i |\n| |d |\n| |-9|\n 1 -9\n", "|a|b\n|r|i\n 1 2", "|\n",
		"||\n||\n", "\\\n|é|b|\n 1 2\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkFuzzed(t, ReadIPAC, text) })
}

func FuzzMRT(f *testing.F) {
	line := strings.Repeat("-", 40) + "\n"
	for _, s := range []string{"Byte-by-byte Description\n" + line +
		" 1-3 F3.1 mag a ?=-9\n   5 A1 --- b x\n   more\n" +
		line + "1.5 x\n-9  é\n",
		"Byte-by-byte Description\n1 I1 d a\n" + line + "Note: x\n" + line + "(End)\n",
		"Byte-by-byte Description\n9-1 I1 d a\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkFuzzed(t, ReadMRT, text) })
}

// checkFuzzed: a table is read or refused with a reason, and each row has all columns.
func checkFuzzed(t *testing.T, read func(bounded.File) (*table.Table, error), text string) {
	of, rows, err := readAll(read, text)
	if err != nil {
		return
	}
	for _, cells := range rows {
		if len(cells) != len(of.First) || len(of.Fields) != len(of.First) {
			t.Fatalf("%d cells, %d fields, %d names", len(cells), len(of.Fields), len(of.First))
		}
	}
}

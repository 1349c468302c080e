package table_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
)

func file(text string) bounded.File {
	return bounded.File{Name: "f", Size: int64(len(text)), Content: strings.NewReader(text)}
}

func show(rows bounded.Rows, err error) {
	var r bounded.Row
	for err == nil {
		if err = rows.Next(&r); err == nil {
			fmt.Printf("line %d: %s\n", r.Line, r.Cells)
		}
	}
	fmt.Println(err == io.EOF)
}

func ExampleFindLayout() {
	f := file("# a comment\nmjd;mag\n58000,5;15,25\n")
	l, err := table.FindLayout(f, func(comment []byte) { fmt.Printf("%s\n", comment) })
	fmt.Println(l.First, l.Delimiter, err)
	show(table.TextRows(f, l, true, nil), err)
	// Output:
	// a comment
	// [mjd mag] semicolon <nil>
	// line 3: [58000.5 15.25]
	// true
}

func ExampleReadECSV() {
	t, err := table.ReadECSV(file(
		"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: mag, unit: mag, datatype: float64}\nmag\n15.5\n"))
	fmt.Println(t.Format, t.Fields[0].Name, t.Fields[0].Unit, err)
	show(t.Open(nil))
	// Output:
	// ECSV (blanks) mag mag <nil>
	// line 6: [15.5]
	// true
}

func ExampleVOTables() {
	f := file("<VOTABLE><RESOURCE><TABLE><FIELD name='mag' unit='mag' datatype='double'/>" +
		"<DATA><TABLEDATA><TR><TD>15.5</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>")
	tables, err := table.VOTables(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := tables[0].Table(f)
	fmt.Println(t.Format, t.First, err)
	show(t.Open(nil))
	// Output:
	// VOTable (TABLEDATA) [mag] <nil>
	// line 1: [15.5]
	// true
}

func ExampleNewWriter() {
	w, err := table.NewWriter("csv", os.Stdout,
		table.Head{Columns: []table.Column{{Name: "filter"}, {Name: "mag", Kind: table.Number}}})
	if err == nil {
		err = w.Row([]string{"r, wide", "15.25"})
	}
	if err == nil {
		err = w.Close()
	}
	fmt.Println(err)
	// Output:
	// filter,mag
	// "r, wide",15.25
	// <nil>
}

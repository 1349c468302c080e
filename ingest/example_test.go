package ingest_test

import (
	"context"
	"fmt"
	"strings"

	"nightjar/ingest"
)

func file(text string) ingest.File {
	return ingest.File{Name: "sn.csv", Size: int64(len(text)), Content: strings.NewReader(text)}
}

func ExampleProcessors_Process() {
	report, err := ingest.NewProcessors().Process(context.Background(), "photometry",
		file("MJD,Mag,Mag err,Band\n58000.5,15.25,0.05,r\n58001.5,>19.5,,r\n"), ingest.Options{},
		func(p ingest.Point) error {
			fmt.Printf("%d %s\n", p.Time, p.Value)
			return nil
		})
	fmt.Println(report.Format, report.Rows, len(report.Warnings), err)
	// Output:
	// 1504526400000000 {"mjd":58000.5,"magnitude":15.25,"error":0.05,"filter":"r"}
	// 1504612800000000 {"mjd":58001.5,"limit":19.5,"filter":"r"}
	// delimited text (comma) 2 1 <nil>
}

func ExampleProcessors_Inspect() {
	as, report, err := ingest.NewProcessors().Inspect(context.Background(), ingest.AutoType,
		file("wavelength (nm),flux (Jy)\n400,1\n401,2\n"), ingest.Options{DateObs: "58000.5"})
	fmt.Println(as, report.Created, err)
	// Output: spectroscopy 1 <nil>
}

func ExampleProcessors_Recognise() {
	dataType, _, err := ingest.NewProcessors().Recognise(context.Background(), file("mjd,mag\n58000.5,15\n"),
		ingest.Options{})
	fmt.Println(dataType, err)
	// Output: photometry <nil>
}

func ExampleAppendWavelength() {
	unit, _ := ingest.WavelengthUnit("A")
	text, ok := ingest.AppendWavelength(nil, []byte("6562.80"), unit, "nm")
	fmt.Println(string(text), ok)
	// Output: 656.280 true
}

package instant_test

import (
	"fmt"

	"nightjar/internal/instant"
)

func ExampleParse() {
	for _, text := range []string{"55959.07", "2455959.57", "2012-02-02 01:40:48", "2012-Feb-02.07"} {
		t, reason := instant.Parse([]byte(text), instant.KindTime)
		fmt.Printf("%s %s%s\n", instant.Text(t.Micros), t.Form, reason)
	}
	_, reason := instant.Parse([]byte("55959.07"), instant.KindJD)
	fmt.Println(reason)
	// Output:
	// 2012-02-02T01:40:48Z MJD
	// 2012-02-02T01:40:48Z JD
	// 2012-02-02T01:40:48Z ISO 8601
	// 2012-02-02T01:40:48Z ISO 8601
	// '55959.07' is below 2,400,000, so it is not a Julian date
}

func ExampleClock_Parse() {
	scale, _ := instant.ScaleOf("TT")
	t, _ := instant.Clock{Kind: instant.KindMJD, Scale: scale}.Parse([]byte("58849.0008007407407"))
	fmt.Println(instant.Text(t.Micros), t.Shift)
	// Output: 2020-01-01T00:00:00Z 69184000
}

func ExampleParseMJD() {
	micros, err := instant.ParseMJD("40587.5")
	fmt.Println(micros, err)
	// Output: 43200000000 <nil>
}

func ExampleParseDecimal() {
	d, ok := instant.ParseDecimal([]byte("+1.50D3"))
	micros, _ := d.Micros(instant.SecondMicros)
	fmt.Println(string(d.AppendJSON(nil)), micros, ok)
	// Output: 1.50e3 1500000000 true
}

package problem

import "fmt"

func ExamplePlural() {
	fmt.Println(Plural(1, "log entry"), Plural(0, "file"), Plural(2, "log entry"), Plural(3, "column"))
	// Output: 1 log entry 0 files 2 log entries 3 columns
}

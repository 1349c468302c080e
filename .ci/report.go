// Command report reads the output of go test -json. It prints a line for each package and the
// output of failed tests, and appends the skipped tests with their reasons to the file that its
// argument names.
//
//	go test -json ./... | go run .ci/report.go skipped.txt
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	said := map[[2]string]*strings.Builder{} // by package and test, "" for the package itself
	var skipped []string
	failed := false
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // output of the go command itself
			continue
		}
		key := [2]string{e.Package, e.Test}
		if e.Action == "build-output" {
			fmt.Print(e.Output)
		}
		if e.Action == "output" {
			if said[key] == nil {
				said[key] = new(strings.Builder)
			}
			said[key].WriteString(e.Output)
		}
		if e.Action != "pass" && e.Action != "fail" && e.Action != "skip" {
			continue
		}
		failed = failed || e.Action == "fail"
		switch {
		case e.Test != "" && e.Action == "fail":
			fmt.Printf("%s\n%s", e.Package, said[key])
		case e.Test != "" && e.Action == "skip":
			skipped = append(skipped, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason(said[key])))
		case e.Test == "":
			if e.Action == "fail" {
				for of, text := range said { // also tests that did not end
					if of[0] == e.Package {
						fmt.Print(text)
					}
				}
			}
			fmt.Printf("%-4s %-30s %6.1f s\n", map[string]string{"pass": "ok", "fail": "FAIL", "skip": "-"}[e.Action],
				e.Package, e.Elapsed)
		}
		delete(said, key)
	}
	if err := in.Err(); err != nil {
		fmt.Println(err)
		failed = true
	}
	slices.Sort(skipped)
	if len(os.Args) > 1 && len(skipped) > 0 {
		f, err := os.OpenFile(os.Args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, strings.Join(skipped, "\n"))
			f.Close()
		}
		if err != nil {
			fmt.Println(err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// reason finds the reason in the output of a skipped test.
func reason(said *strings.Builder) string {
	var text []string
	for line := range strings.Lines(said.String()) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			text = append(text, line)
		}
	}
	return strings.Join(text, " ")
}

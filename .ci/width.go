//go:build ignore

// Width lists the lines of Go files that are too wide: comments over 100 columns, code over 120. A
// tab counts as four columns. Lines of raw strings with several lines are exempt, and comments
// without a space to break at.
//
//	git ls-files '*.go' | go run .ci/width.go
package main

import (
	"bufio"
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	commentWidth = 100
	codeWidth    = 120
)

func main() {
	wide := 0
	files := bufio.NewScanner(os.Stdin)
	for files.Scan() {
		name := files.Text()
		source, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		raw := rawLines(source)
		for i, line := range strings.Split(string(source), "\n") {
			width := utf8.RuneCountInString(line) + 3*strings.Count(line, "\t")
			limit, trimmed := codeWidth, strings.TrimSpace(line)
			if strings.HasPrefix(trimmed, "//") {
				if limit = commentWidth; strings.HasPrefix(trimmed, "//go:") || len(strings.Fields(trimmed)) < 3 {
					continue
				}
			}
			if width > limit && !raw[i+1] {
				fmt.Printf("%s:%d: %d columns, %d at most\n", name, i+1, width, limit)
				wide++
			}
		}
	}
	if wide > 0 {
		os.Exit(1)
	}
}

// rawLines returns the lines of raw strings with several lines.
func rawLines(source []byte) map[int]bool {
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(source))
	var s scanner.Scanner
	s.Init(file, source, func(token.Position, string) {}, 0)
	lines := map[int]bool{}
	for {
		at, kind, text := s.Scan()
		if kind == token.EOF {
			return lines
		}
		if kind == token.STRING && text[0] == '`' {
			first, more := file.Line(at), strings.Count(text, "\n")
			for n := 0; more > 0 && n <= more; n++ {
				lines[first+n] = true
			}
		}
	}
}

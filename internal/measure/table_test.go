package measure

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// figure is one line of the table.
type figure struct {
	what  string
	limit string // it must hold
	got   string
	floor string // the lower bound measured in the same run
	holds bool
}

// sheet collects figures and prints them as a Markdown table.
type sheet struct {
	t       testing.TB
	figures []figure
}

func (s *sheet) add(what, limit, got, floor string, holds bool) {
	f := figure{what, limit, got, floor, holds}
	s.figures = append(s.figures, f)
	s.t.Log(f.row())
}

func (f figure) row() string {
	holds := "yes"
	if !f.holds {
		holds = "**no**"
	}
	if f.limit == "" {
		holds = ""
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", f.what, f.limit, f.got, f.floor, holds)
}

func (s *sheet) String() string {
	var b strings.Builder
	b.WriteString("| what | must be | measured | floor in the same run | holds |\n|---|---|---|---|---|\n")
	for _, f := range s.figures {
		b.WriteString(f.row())
		b.WriteByte('\n')
	}
	return b.String()
}

// median is the middle number, or the lower of the two middle ones.
func median[T int | int64 | float64 | time.Duration](list []T) T {
	if len(list) == 0 {
		return 0
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return list[(len(list)-1)/2]
}

// percentile is the value that this part of the sorted list does not exceed.
func percentile(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
}

// whole formats a number with commas between its thousands.
func whole(f float64) string {
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func mb(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/1e6) }

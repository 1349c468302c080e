package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// heapInUse returns the bytes in use on the heap.
func heapInUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestRejectedLines sends more bad lines than are listed: their reasons come in the order of the
// lines, and their memory does not grow with their number.
func TestRejectedLines(t *testing.T) {
	const lines = 200_000
	for name, worthless := range map[string]func(in *DatumInput, n int){
		"no object": func(in *DatumInput, n int) {
			in.Add("", "Invalid data. Expected a dictionary, but got int.")
		},
		"a field is wrong": func(in *DatumInput, n int) { in.Add("target", "A valid integer is required. %d", n) },
		"no such target":   func(in *DatumInput, n int) { *in = row(99, n) },
		"of all kinds": func(in *DatumInput, n int) {
			if *in = row(99, n); n%3 != 0 {
				in.Add("", "line %d", n)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, good := lines, 0
			if name == "no such target" || name == "of all kinds" {
				n = 30_000
			}
			f := open(t, Options{StageFrom: 3000})
			target := f.target("astro", "T")
			before, after, line := heapInUse(), 0, 0
			r, err := f.as("astro").AddDatums(t.Context(), false, func() (in DatumInput, _ int, err error) {
				if line++; line > n {
					after = heapInUse()
					return in, line, io.EOF
				}
				if line%1000 == 7 {
					good++
					return row(target, line), line, nil
				}
				worthless(&in, line)
				return in, line, nil
			})
			if err != nil || r.Created != good || len(r.Rejected) != maxRejected || r.More != n-good-maxRejected {
				t.Fatalf("%d created, %d and %d more rejected, %v", r.Created, len(r.Rejected), r.More, err)
			}
			want := 0
			for i, p := range r.Rejected {
				if want++; want%1000 == 7 {
					want++
				}
				if p.Line != want || p.Err() == nil {
					t.Fatalf("reason %d is of line %d, not %d", i, p.Line, want)
				}
			}
			if grown := after - before; grown > 12<<20 {
				t.Errorf("%d lines take %d MB", n, grown>>20)
			}
		})
	}
}

// TestLongRows sends few long rows: they are written before there are StageFrom of them.
func TestLongRows(t *testing.T) {
	f := open(t, Options{})
	target := f.target("astro", "T")
	f.stageBytes, f.stageAfter = 1<<20, 2<<20
	text := strings.Repeat("x", 100<<10)
	before, most, line := heapInUse(), 0, 0
	r, err := f.as("astro").AddDatums(t.Context(), false, func() (in DatumInput, _ int, err error) {
		if line++; line > 300 {
			return in, line, io.EOF
		}
		if line%10 == 0 {
			most = max(most, heapInUse())
		}
		in = row(target, line)
		in.Value = fmt.Appendf(nil, `{"n": %d, "text": %q}`, line, text)
		return in, line, nil
	})
	if err != nil || r.Created != 300 {
		t.Fatalf("%+v, %v", r, err)
	}
	if grown := most - before; grown > 12<<20 {
		t.Errorf("300 rows of 100 KB take %d MB", grown>>20)
	}
}

// TestRejectionsAreBounded adds tallies as the batches of a stream do.
func TestRejectionsAreBounded(t *testing.T) {
	var all tally
	for batch := range 50 {
		var now tally
		for i := range 400 {
			now.rejected.add(fmt.Errorf("%d", batch*400+i))
		}
		all = all.plus(now)
	}
	if all.rejected.count != 20_000 || len(all.rejected.first) != maxRejected {
		t.Errorf("%d, %d", all.rejected.count, len(all.rejected.first))
	}
	for i, err := range all.rejected.first {
		if err.Error() != fmt.Sprint(i) {
			t.Fatalf("%d is %v", i, err)
		}
	}
}

// TestDryRunRepeats compares dry runs of files with repeated rows, with few rows in memory and with
// all, to the upload.
func TestDryRunRepeats(t *testing.T) {
	f := open(t, Options{})
	target := f.target("astro", "T")
	if _, _, err := f.upload("astro", target, "a.csv", curve(0, 30)); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 6 {
		var b strings.Builder
		b.WriteString("mjd,magnitude,filter\n")
		for range 500 {
			fmt.Fprintf(&b, "%d,17.5,r\n", 58000+r.IntN(400))
		}
		for _, refuse := range []bool{true, false} {
			var told [2]string
			for i, most := range []int{7, hashedRowsInMemory} {
				f.hashedRowsInMemory = most
				file, err := f.as("astro").BeginUpload(t.Context())
				if err == nil {
					_, err = file.Write([]byte(b.String()))
				}
				if err != nil {
					t.Fatal(err)
				}
				_, report, err := f.as("astro").Upload(t.Context(),
					&ProductInput{Target: target, Type: "photometry", FileName: "b.csv", Refuse: refuse,
						DryRun: true}, file)
				if told[i] = fmt.Sprint(err); report != nil {
					told[i] = fmt.Sprint(report.Created, report.Duplicate)
				} else if failed := new(ProcessingError); errors.As(err, &failed) {
					told[i] = fmt.Sprint(failed.Report.Errors)
				}
				if err := file.Abort(); err != nil {
					t.Fatal(err)
				}
			}
			v, report, err := f.uploadAs("astro",
				&ProductInput{Target: target, Type: "photometry", FileName: "b.csv", Refuse: refuse}, b.String())
			var did string
			if failed := new(ProcessingError); errors.As(err, &failed) {
				did = fmt.Sprint(failed.Report.Errors)
			} else if err == nil {
				did = fmt.Sprint(report.Created, report.Duplicate)
				if err := f.as("astro").DeleteProduct(t.Context(), v.ID); err != nil {
					t.Fatal(err)
				}
			}
			if told[0] != told[1] || told[1] != did {
				short := strings.NewReplacer(": "+AlreadyThere, "")
				t.Fatalf("round %d, refuse %t:\n%s\n%s\n%s", round, refuse, short.Replace(told[0]),
					short.Replace(told[1]), short.Replace(did))
			}
		}
	}
	left, err := filepath.Glob(f.path + "*")
	if err != nil || len(left) > 4 { // the file, its session, its lock and its index
		t.Errorf("%v, %v", left, err)
	}
}

// TestRepeatFinder counts equal rows as a map does.
func TestRepeatFinder(t *testing.T) {
	f := open(t, Options{})
	r := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{1, 10, 100, 5000} {
		f.hashedRowsInMemory = most
		m := f.newRepeatFinder()
		met := map[int]bool{}
		created, repeated := 0, []int{}
		for line := 1; line <= 3000; line++ {
			n := r.IntN(2000)
			stored := n%10 == 0
			var hash [32]byte
			copy(hash[:], fmt.Sprintf("%010d", n*7919%2003))
			if err := m.add(hash, line, stored); err != nil {
				t.Fatal(err)
			}
			if met[n*7919%2003] || stored {
				repeated = append(repeated, line)
			} else {
				created++
			}
			met[n*7919%2003] = true
		}
		got, lines, err := m.count()
		if err != nil || got != created || lines.count != len(repeated) ||
			fmt.Sprint(lines.first()) != fmt.Sprint(repeated[:maxRefusedLines]) {
			t.Errorf("%d in memory: %d created, %d repeated, of lines %v, %v; want %d, %d", most, got, lines.count,
				lines.first(), err, created, len(repeated))
		}
		dir := m.dir
		if err := m.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); dir != "" && !os.IsNotExist(err) {
			t.Errorf("%s is still there", dir)
		}
	}
}

// TestLongDryRun measures, with NIGHTJAR_LONG=1, the memory that a dry run of 5,000,000 rows takes.
func TestLongDryRun(t *testing.T) {
	testenv.OnlyLong(t)
	const rows = 5_000_000
	f := open(t, Options{})
	target := f.target("astro", "T")
	file, err := f.as("astro").BeginUpload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Abort()
	w := bufio.NewWriterSize(file, 1<<20)
	fmt.Fprintln(w, "mjd,magnitude,filter")
	for i := range rows {
		fmt.Fprintf(w, "%.4f,17.%d,r\n", 50000+float64(i%(rows-1000))/1000, i%10)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	debug.FreeOSMemory()
	before, most := testenv.Memory(t, os.Getpid()), int64(0)
	quit, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-time.After(20 * time.Millisecond):
				most = max(most, testenv.Memory(t, os.Getpid()))
			}
		}
	}()
	_, r, err := f.as("astro").Upload(t.Context(),
		&ProductInput{Target: target, Type: "photometry", FileName: "long.csv", DryRun: true}, file)
	close(quit)
	<-done
	if err != nil || r.Created != rows-1000 || r.Duplicate != 1000 {
		t.Errorf("%+v, %v", r, err)
	}
	t.Logf("%d MB before, at most %d MB", before>>20, most>>20)
	if most-before > 200<<20 {
		t.Errorf("memory rose by %d MB", (most-before)>>20)
	}
}

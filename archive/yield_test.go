package archive

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLongWorkYields measures, with NIGHTJAR_LONG=1, how long others wait for a single post while a file of a million
// rows is imported once more, and while one of the two products with these rows is deleted. YIELD_ROWS is another number of rows.
func TestLongWorkYields(t *testing.T) {
	if os.Getenv("NIGHTJAR_LONG") == "" {
		t.Skip("takes minutes: NIGHTJAR_LONG=1")
	}
	rows := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("YIELD_ROWS")); err == nil {
		rows = n
	}
	f := open(t, Options{})
	target, other := f.target("astro", "long"), f.target("bob", "short")
	second := 0
	post := func() time.Duration {
		second++
		began := time.Now()
		if _, _, err := f.datum("bob", other, second, `{"magnitude": 17.5, "filter": "r"}`); err != nil {
			t.Error(err)
		}
		return time.Since(began)
	}
	// during posts until fn has ended, and says how long the posts took
	during := func(what string, fn func() error) time.Duration {
		runtime.GC()
		ended := make(chan error)
		began := time.Now()
		go func() { ended <- fn() }()
		var took []time.Duration
		peak := 0
		for {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatal(what, err)
				}
				slices.Sort(took)
				last := took[len(took)*999/1000]
				t.Logf("%s: %v, %d posts, median %v, 99.9%% in %v, all in %v; at most %d MB of memory", what, time.Since(began).Round(time.Millisecond), len(took),
					took[len(took)/2].Round(time.Microsecond), last.Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), peak>>20)
				return last
			default:
			}
			took = append(took, post())
			if len(took)%20 == 0 {
				peak = max(peak, anonymous())
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	content := func() string {
		var b strings.Builder
		b.WriteString("mjd,magnitude,error,filter\n")
		for i := range rows {
			fmt.Fprintf(&b, "%.5f,%.3f,0.02,r\n", 58000+float64(i)/1000, 15+float64(i%5000)/1000)
		}
		return b.String()
	}()
	var ids []uint64
	upload := func() error {
		v, r, err := f.upload("astro", target, "again.csv", content)
		if err == nil {
			ids = append(ids, v.ID)
			if r.Created+r.Duplicate != rows {
				err = fmt.Errorf("%+v", r)
			}
		}
		return err
	}
	rest := during("nothing else", func() error { time.Sleep(10 * time.Second); return nil })
	most := max(250*time.Millisecond, 3*rest)
	for _, x := range []struct {
		what string
		fn   func() error
	}{
		{"the first import", upload},
		{"the same once more", upload},
		{"the first product is deleted", func() error { return f.as("astro").DeleteProduct(context.Background(), ids[0]) }},
		{"the second product is deleted", func() error { return f.as("astro").DeleteProduct(context.Background(), ids[1]) }},
	} {
		if got := during(x.what, x.fn); got > most {
			t.Errorf("%s: %v, and may take %v", x.what, got, most)
		}
	}
}

// anonymous is how many bytes of memory the process has beside its files, 0 where that is not known.
func anonymous() int {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n << 10
		}
	}
	return 0
}

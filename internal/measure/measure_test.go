package measure

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nightjar/internal/dataset"
)

// targets is the number of targets in most measurements.
const targets = 1000

func TestMeasure(t *testing.T) {
	if os.Getenv("NIGHTJAR_MEASURE") == "" {
		t.Skip("takes long: set NIGHTJAR_MEASURE=1")
	}
	l := &lab{sheet: &sheet{t: t}, dir: os.Getenv("NIGHTJAR_MEASURE_DIR")}
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	l.rows, l.runs = number(t, "NIGHTJAR_MEASURE_ROWS", 1_000_000), number(t, "NIGHTJAR_MEASURE_RUNS", 5)
	l.scale = number(t, "NIGHTJAR_MEASURE_SCALE", 10_000_000)
	l.build()
	for _, part := range []struct {
		name string
		run  func(*lab)
	}{
		{"floors", (*lab).floors}, {"reads", (*lab).reads}, {"writes", (*lab).writes}, {"upload",
			(*lab).uploads}, {"import", (*lab).imports}, {"start", (*lab).starts},
		{"files", (*lab).files}, {"names", (*lab).names}, {"products", (*lab).products}, {"basic",
			(*lab).basic}, {"scaling", (*lab).scaling},
	} {
		t.Run(part.name, func(t *testing.T) {
			here := *l
			here.sheet = &sheet{t: t}
			part.run(&here)
			l.figures = append(l.figures, here.figures...)
		})
	}
	fmt.Printf("\nMeasured on %s, %s, with %s datums; medians of %d runs.\n\n%s",
		time.Now().UTC().Format(time.DateOnly), machine(), whole(float64(l.rows)), l.runs, l.sheet)
}

// filled starts a node with the datums of the measurements.
func (l *lab) filled(name string, rows, targets int) *node {
	l.t.Helper()
	n := l.newNode(name, targets)
	n.importRows(l.datums(rows, targets), rows)
	return n
}

// datums returns a file with the first datums.
func (l *lab) datums(rows, targets int) string {
	return l.write(fmt.Sprintf("datums-%d-%d.ndjson", rows, targets),
		func(w io.Writer) error { return dataset.WriteDatums(w, 0, rows, targets, nil) })
}

// floors measures the floors of this machine.
func (l *lab) floors() {
	from, to := bytes.Repeat([]byte("x"), 25_000), make([]byte, 25_000)
	const turns = 100_000
	began := time.Now()
	for range turns {
		copy(to, from)
	}
	l.add("copying an answer of 25 kB", "", fmt.Sprintf("%.2f µs", time.Since(began).Seconds()/turns*1e6), "", true)
	f := ask(l.t, echo(l.t, 25_000), "none", 1, second)
	l.add("an HTTP handler that sends 25 kB and does nothing else", "", ms(f.median)+", 99% "+ms(f.p99), "", true)
	l.add("a raw commit: a record, an order key and a log entry in three buckets", "",
		ms(l.rawCommit(0, 2000)), "", true)
	l.add("the same where each bucket has 1,000,000", "", ms(l.rawCommit(1_000_000, 2000)), "", true)
	l.add("writing and syncing 4 KiB, 16 times", "", ms(l.syncs(16, 4<<10)), "", true)
}

// lists are queries of datums. Every user of the measurements sees target 502.
var lists = []struct{ what, query string }{
	{"no filter", ""},
	{"target__id", "?target__id=502"},
	{"target_name, 1 target", "?target_name=Target-00502"},
	{"target_name, 10 targets", "?target_name=Target-0050"},
	{"target_name, 1,000 targets", "?target_name=target"},
	{"source_name", "?source_name=ZTF"},
	{"data_type", "?data_type=photometry"},
	{"data_type and source_name", "?data_type=photometry&source_name=ZTF"},
	{"target__id and data_type", "?target__id=502&data_type=photometry"},
	{"offset of 90%", "?offset=%OFFSET"},
}

// listURL is the URL of a list; a user who sees half of the datums has half as many pages.
func (n *node) listURL(query string, rows int, all bool) string {
	offset := rows / 10 * 9
	if !all {
		offset /= 2
	}
	return n.url("/api/reduceddatums/" + strings.ReplaceAll(query, "%OFFSET", strconv.Itoa(offset)))
}

// echo serves an answer of this size from this process, with nothing behind it.
func echo(t testing.TB, size int) string {
	body := bytes.Repeat([]byte("x"), size)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const second = time.Second

// reads measures pages of 100 datums with their count.
func (l *lab) reads() {
	n := l.filled("reads.db", l.rows, targets)
	defer n.stop()
	empty := echo(l.t, 25_000)
	for _, user := range []struct {
		name, token string
		all         bool
	}{{"superuser", n.admin, true}, {"sees half", n.half, false}} {
		for _, q := range lists {
			url := n.listURL(q.query, l.rows, user.all)
			l.readLine(q.what+", "+user.name, url, user.token, empty)
		}
	}
	// the first request after a change of names
	var first []time.Duration
	for i := range l.runs {
		n.do("POST", "/api/targets/", "application/json",
			strings.NewReader(fmt.Sprintf(`{"name":"Target-x%d","type":"SIDEREAL","ra":1,"dec":1}`, i)), nil)
		began := time.Now()
		n.do("GET", "/api/reduceddatums/?target_name=target", "", nil, nil)
		first = append(first, time.Since(began))
	}
	d := median(first)
	l.add("target_name, 1,000 targets, first asked after a change", "50 ms", ms(d), "", d < 50*time.Millisecond)
	// memory after each query was served a thousand times to 16 clients
	for _, q := range lists {
		for _, token := range []string{n.admin, n.half} {
			ask(l.t, n.listURL(q.query, l.rows, token == n.admin), token, 16, second)
		}
	}
	p := n.private()
	l.add("private memory after that", "100 MB", mb(float64(p)), "", p < 100e6)
	l.add("file, a datum", "170 bytes", fmt.Sprintf("%.0f bytes", float64(n.size())/float64(l.rows)),
		"158 (a TOM's SQLite file)", float64(n.size())/float64(l.rows) < 170)
}

// readLine measures one list.
func (l *lab) readLine(what, url, token, empty string) {
	var medians, tails, floors, noise []time.Duration
	var rates, top []float64
	for range l.runs {
		f := ask(l.t, empty, token, 1, second)
		one := ask(l.t, url, token, 1, second)
		many := ask(l.t, url, token, 16, second)
		ceiling := ask(l.t, empty, token, 16, second)
		medians, tails, floors, noise = append(medians, one.median), append(tails, one.p99), append(floors, f.median),
			append(noise, f.p99)
		rates, top = append(rates, many.rate), append(top, ceiling.rate)
	}
	m, tail, rate := median(medians), median(tails), median(rates)
	l.add(what, "1 ms, 99% 5 ms, 5,000/s", fmt.Sprintf("%s, 99%% %s, %s/s", ms(m), ms(tail), whole(rate)),
		fmt.Sprintf("an empty handler: %s, 99%% %s, %s/s", ms(median(floors)), ms(median(noise)), whole(median(top))),
		m < time.Millisecond && tail < 5*time.Millisecond && rate >= 5000)
}

// poster makes requests that post new datums, from number from on.
func (n *node) poster(from int) func(int) []byte {
	var line []byte
	return func(k int) []byte {
		line = dataset.AppendDatum(line[:0], from+k, targets)
		return n.request("POST", "/api/reduceddatums/", n.admin, "application/json", line)
	}
}

// writes measures single posts.
func (l *lab) writes() {
	n := l.filled("writes.db", l.rows, targets)
	defer n.stop()
	from := l.rows
	var ones, floors []time.Duration
	var rates, manys, ratios, gains []float64
	for range l.runs {
		// the speed of a disk varies: measure the two in turns, a second at a time
		var mine, theirs []time.Duration
		var mineRates []float64
		for range 4 {
			f := l.rawCommit(1_000_000, 500)
			one := repeat(l.t, n.host, 1, second, n.poster(from))
			from += 1_000_000
			mine, mineRates, theirs = append(mine, one.median), append(mineRates, one.rate), append(theirs, f)
		}
		f := median(theirs)
		one := load{median: median(mine), rate: median(mineRates)}
		many := repeat(l.t, n.host, 64, 3*second, n.poster(from))
		from += 1_000_000
		ones, floors = append(ones, one.median), append(floors, f)
		ratios = append(ratios, float64(one.median)/float64(f))
		rates, manys, gains = append(rates, one.rate), append(manys, many.rate), append(gains, many.rate/one.rate)
	}
	l.add("POST of a datum, one client", "1.5 times the floor",
		fmt.Sprintf("%s, %s/s; %.2f times", ms(median(ones)), whole(median(rates)), median(ratios)),
		fmt.Sprintf("a raw commit where there are 1,000,000: %s", ms(median(floors))), median(ratios) <= 1.5)
	l.add("POST of a datum, 64 clients", "6,000/s and 8 times one client",
		fmt.Sprintf("%s/s; %.1f times", whole(median(manys)), median(gains)),
		"one client: "+whole(median(rates))+"/s", median(manys) >= 6000 && median(gains) >= 8)
	p := n.private()
	l.add("private memory after that", "", mb(float64(p)), "", true)
	l.afterDeletion(n, from)
}

// afterDeletion measures posts before and after the deletion of many datums.
func (l *lab) afterDeletion(n *node, from int) {
	id, _, _ := n.upload(1, "photometry", "many.csv", 0,
		func(w io.Writer) error { return dataset.WriteUpload(w, l.rows, 0) })
	before := repeat(l.t, n.host, 1, 3*second, n.poster(from))
	from += 1_000_000
	n.do("DELETE", fmt.Sprintf("/api/dataproducts/%d/", id), "", nil, nil)
	during := repeat(l.t, n.host, 1, 3*second, n.poster(from))
	from += 1_000_000
	time.Sleep(20 * time.Second) // the rows are purged in the background
	after := repeat(l.t, n.host, 1, 3*second, n.poster(from))
	l.add(fmt.Sprintf("POST after %s datums were deleted", whole(float64(l.rows))), "1.5 times before",
		fmt.Sprintf("%s (%s right after)", ms(after.median), ms(during.median)),
		"before: "+ms(before.median), float64(after.median) <= 1.5*float64(before.median))
}

// uploads measures the upload of a table of photometry.
func (l *lab) uploads() {
	n := l.newNode("upload.db", targets)
	defer n.stop()
	const rows = 100_000
	var times []time.Duration
	var peak int64
	for i := range l.runs {
		peak = max(peak, n.peakOf(func() {
			_, _, took := n.upload(1+i, "photometry", "curve.csv", 0,
				func(w io.Writer) error { return dataset.WriteUpload(w, rows, i*rows) })
			times = append(times, took)
		}))
	}
	d := median(times)
	l.add("CSV of 100,000 rows uploaded", "800 ms", fmt.Sprintf("%s, %s rows/s", ms(d), whole(rows/d.Seconds())),
		"fsyncs of 10 MB: "+ms(l.syncs(10, 1<<20)), d < 800*time.Millisecond)
	l.add("private memory while it is", "300 MB", mb(float64(peak)), "", peak < 300e6)
}

// syncs is the time to write and sync this many pieces.
func (l *lab) syncs(pieces, size int) time.Duration {
	f, err := os.CreateTemp(l.dir, "sync")
	if err != nil {
		l.t.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	b := bytes.Repeat([]byte("x"), size)
	began := time.Now()
	for range pieces {
		_, err := f.Write(b)
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
	return time.Since(began)
}

// imports measures bulk loads, on few and on many targets, and out of time order.
func (l *lab) imports() {
	for _, c := range []struct {
		what    string
		targets int
		shuffle bool
		bytes   float64
	}{
		{"on 1,000 targets", 1000, false, 170},
		{"on 100,000 targets, 10 datums each", l.rows / 10, false, 200},
		{"on 1,000 targets, times shuffled", 1000, true, 200},
	} {
		file := l.datums(l.rows, c.targets)
		if c.shuffle {
			file = l.write(fmt.Sprintf("shuffled-%d.ndjson", l.rows), func(w io.Writer) error {
				// coprime to powers of 10
				return dataset.WriteDatums(w, 0, l.rows, c.targets, func(k int) int { return k * 611_953 % l.rows })
			})
		}
		var rates []float64
		var peak, grown int64
		for range l.runs {
			n := l.newNode("import.db", c.targets)
			n.restart()
			empty := n.size()
			peak = max(peak, n.peakOf(func() {
				rates = append(rates, float64(l.rows)/n.importRows(file, l.rows).Seconds())
			}))
			grown = n.size() - empty
			if c.targets == 1000 && !c.shuffle {
				grown = n.size()
			}
			n.stop()
		}
		limit := "100,000 rows/s"
		if c.shuffle {
			limit = "" // only the file's size is bounded
		}
		l.add(fmt.Sprintf("%s datums as NDJSON %s", whole(float64(l.rows)), c.what), limit,
			whole(median(rates))+" rows/s", "", median(rates) >= 100_000)
		l.add("private memory while they are", "300 MB", mb(float64(peak)), "", peak < 300e6)
		each := float64(grown) / float64(l.rows)
		l.add("file, a datum", fmt.Sprintf("%.0f bytes", c.bytes), fmt.Sprintf("%.0f bytes", each), "", each <= c.bytes)
	}
}

// restart restarts the server, so that earlier memory does not count.
func (n *node) restart() {
	n.stop()
	n.start()
}

// starts measures the time from the start of a node to its first answer.
func (l *lab) starts() {
	n := l.filled("start.db", l.rows, 10_000)
	time.Sleep(2 * second) // until the free list is written
	var cold, killed []time.Duration
	for range l.runs {
		n.stop()
		cold = append(cold, n.start())
	}
	post := n.poster(l.rows)
	for i := range l.runs {
		once(l.t, n.host, post(i), 1)
		n.kill()
		killed = append(killed, n.start())
	}
	n.stop()
	l.add(fmt.Sprintf("start to first answer, %s datums on 10,000 targets", whole(float64(l.rows))), "50 ms",
		ms(median(cold)), "the program that prints its version: "+ms(l.version()), median(cold) < 50*time.Millisecond)
	l.add("the same after SIGKILL", "1 s", ms(median(killed)), "", median(killed) < second)
}

// version is the time that the program takes to do nothing.
func (l *lab) version() time.Duration {
	n := &node{l: l, db: l.path("none.db")}
	var times []time.Duration
	for range l.runs {
		began := time.Now()
		n.cli("version")
		times = append(times, time.Since(began))
	}
	return median(times)
}

// fits writes a FITS image of this size, a multiple of 2,880 bytes.
func fits(w io.Writer, size int64) error {
	card := func(s string) string { return fmt.Sprintf("%-80s", s) }
	head := card("SIMPLE  =                    T") + card("BITPIX  =                    8") +
		card("NAXIS   =                    1") +
		card(fmt.Sprintf("NAXIS1  = %20d", size-2880)) + card("END")
	if _, err := io.WriteString(w, head+strings.Repeat(" ", 2880-len(head))); err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for left := size - 2880; left > 0; left -= int64(len(block)) {
		for i := range block { // all blocks differ
			block[i] = byte(left>>20) + byte(i)
		}
		block = block[:min(int64(len(block)), left)]
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// files measures the upload and download of a large file.
func (l *lab) files() {
	n := l.newNode("files.db", targets)
	defer n.stop()
	const size = (1 << 30) / 2880 * 2880
	from := 0
	var in, out []float64
	var peak int64
	before := repeat(l.t, n.host, 1, 3*second, n.poster(from))
	for range l.runs {
		var id int
		var file string
		peak = max(peak, n.peakOf(func() {
			var took time.Duration
			id, file, took = n.upload(1, "fits_file", "large.fits", size,
				func(w io.Writer) error { return fits(w, size) })
			in = append(in, size/1e6/took.Seconds())
			began := time.Now()
			n.do("GET", file, "", nil, nil)
			out = append(out, size/1e6/time.Since(began).Seconds())
		}))
		n.do("DELETE", fmt.Sprintf("/api/dataproducts/%d/", id), "", nil, nil)
	}
	disk := l.syncs(64, 16<<20)
	l.add("FITS file of 1 GiB uploaded", "200 MB/s", whole(median(in))+" MB/s",
		fmt.Sprintf("written and synced in pieces of 16 MiB: %s MB/s",
			whole((1<<30)/1e6/disk.Seconds())), median(in) >= 200)
	l.add("and downloaded", "200 MB/s", whole(median(out))+" MB/s",
		fmt.Sprintf("over loopback: %s MB/s", whole(l.loopback())), median(out) >= 200)
	l.add("private memory meanwhile", "128 MB", mb(float64(peak)), "", peak < 128e6)
	time.Sleep(5 * time.Second)
	from += 1_000_000
	after := repeat(l.t, n.host, 1, 3*second, n.poster(from))
	l.add("POST of a datum after it was deleted", "1.5 times before", ms(after.median), "before: "+ms(before.median),
		float64(after.median) <= 1.5*float64(before.median))
}

// loopback is the speed of a connection of this machine to itself, in MB/s.
func (l *lab) loopback() float64 {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	defer listener.Close()
	const blocks = 1024
	go func() {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 1<<20)
		for range blocks {
			c.Write(b)
		}
	}()
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		l.t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	got, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, c, make([]byte, 1<<20))
	return float64(got) / 1e6 / time.Since(began).Seconds()
}

// names measures the index of names.
func (l *lab) names() {
	const many = 100_000
	began := time.Now()
	n := l.newNode("names.db", many)
	defer n.stop()
	made := time.Since(began)
	var status struct {
		Sequence int
		Index    struct {
			Sequence, Rebuilt int
			Why               string `json:"why_not"`
		}
	}
	wait := func(rebuilt int) {
		for {
			n.do("GET", "/api/node/", "", nil, &status)
			if status.Index.Rebuilt >= rebuilt && status.Index.Why == "" && status.Index.Sequence == status.Sequence {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	wait(0)
	l.add("100,000 targets with 3 names imported and indexed", "",
		fmt.Sprintf("%.1f s, imported after %.1f s", time.Since(began).Seconds(), made.Seconds()), "", true)
	was := status.Index.Rebuilt
	began = time.Now()
	n.do("POST", "/api/node/reindex/", "application/json", strings.NewReader("{}"), nil)
	wait(was + 1)
	took := time.Since(began)
	l.add("their index rebuilt", "15 s", fmt.Sprintf("%.1f s", took.Seconds()), "", took < 15*time.Second)
	search := repeat(l.t, n.host, 1, 2*second, func(k int) []byte {
		return n.request("GET", fmt.Sprintf("/api/targets/?name=get-%05d", k*7919%many), n.admin, "", nil)
	})
	l.add("a part of a name that one target has, another one each time", "1 ms",
		ms(search.median)+", 99% "+ms(search.p99), "", search.median < time.Millisecond)
	again := ask(l.t, n.url("/api/targets/?name=get-00777"), n.admin, 1, second)
	l.add("the same part again", "1 ms", ms(again.median)+", 99% "+ms(again.p99), "", again.median < time.Millisecond)
	var seen []time.Duration
	for i := range 20 {
		name := fmt.Sprintf("Renamed-%d-%d", time.Now().UnixNano(), i)
		n.do("PATCH", fmt.Sprintf("/api/targets/%d/", 1+i), "application/json",
			strings.NewReader(fmt.Sprintf(`{"name":%q}`, name)), nil)
		var got struct{ Count int }
		began := time.Now()
		n.do("GET", "/api/targets/?name="+strings.ToLower(name[3:]), "", nil, &got)
		seen = append(seen, time.Since(began))
		if got.Count != 1 {
			l.t.Errorf("the renamed target %s is not found", name)
		}
	}
	l.add("a renamed target is found at once", "yes", "yes, in "+ms(median(seen)), "", true)
}

// products measures the list of products, which contains all their datums.
func (l *lab) products() {
	n := l.newNode("products.db", targets)
	defer n.stop()
	const files, each = 10, 100_000
	for i := range files {
		n.upload(1+i, "photometry", "curve.csv", 0,
			func(w io.Writer) error { return dataset.WriteUpload(w, each, i*each) })
	}
	n.restart()
	var rates []float64
	var peak int64
	for range l.runs {
		peak = max(peak, n.peakOf(func() {
			began := time.Now()
			n.do("GET", "/api/dataproducts/", "", nil, nil)
			rates = append(rates, files*each/time.Since(began).Seconds())
		}))
	}
	l.add("list of 10 products with 100,000 datums each", "500,000 datums/s", whole(median(rates))+" datums/s", "",
		median(rates) >= 500_000)
	l.add("private memory meanwhile", "bounded", mb(float64(peak)), "", peak < 100e6)
	without := ask(l.t, n.url("/api/dataproducts/?fields=id,data,target"), n.admin, 1, second)
	l.add("the same without the datums", "", ms(without.median), "", true)
}

// basic measures what a password costs after the first request.
func (l *lab) basic() {
	n := l.newNode("basic.db", 10)
	defer n.stop()
	n.do("POST", "/api/users/", "application/json",
		strings.NewReader(`{"username":"pat","password":"a long pass 7","is_superuser":true}`), nil)
	var with, token []time.Duration
	for range l.runs {
		with = append(with, ask(l.t, n.url("/api/targets/1/"), "Basic cGF0OmEgbG9uZyBwYXNzIDc=", 1, second).median)
		token = append(token, ask(l.t, n.url("/api/targets/1/"), n.admin, 1, second).median)
	}
	d := median(with) - median(token)
	l.add("Basic authentication, a request after the first", "50 µs",
		fmt.Sprintf("%d µs more than a token",
			d.Microseconds()), "with a token: "+ms(median(token)), d < 50*time.Microsecond)
}

// scaling measures the same in archives of several sizes, and compares the largest with one of a
// tenth of its datums.
func (l *lab) scaling() {
	fmt.Printf("\n| datums | import, rows/s | bytes a datum | no filter | source_name | type and source, sees half " +
		"| 1,000 targets by name | the same first | offset of 90%% | start | POST |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|\n")
	var before []time.Duration
	for rows := 10_000; rows <= l.scale; rows *= 10 {
		n := l.newNode("scale.db", targets)
		took := n.importRows(l.datums(rows, targets), rows)
		cells := []string{whole(float64(rows)), whole(float64(rows) / took.Seconds()),
			fmt.Sprintf("%.0f", float64(n.size())/float64(rows))}
		began := time.Now()
		n.do("GET", "/api/reduceddatums/?target_name=target", "", nil, nil)
		first := time.Since(began)
		var medians []time.Duration
		for _, q := range []struct{ query, token string }{
			{"", n.admin}, {"?source_name=ZTF", n.admin}, {"?data_type=photometry&source_name=ZTF",
				n.half}, {"?target_name=target", n.admin}, {"?offset=%OFFSET", n.admin},
		} {
			var list []time.Duration
			for range l.runs {
				list = append(list, ask(l.t, n.listURL(q.query, rows, q.token == n.admin), q.token, 1, second).median)
			}
			medians = append(medians, median(list))
			cells = append(cells, ms(median(list)))
			if q.query == "?target_name=target" {
				cells = append(cells, ms(first))
			}
		}
		post := repeat(l.t, n.host, 1, 2*second, n.poster(rows))
		time.Sleep(2 * second)
		n.stop()
		start := n.start()
		n.stop()
		fmt.Printf("| %s | %s | %s |\n", strings.Join(cells, " | "), ms(start), ms(post.median))
		if rows == l.scale && before != nil {
			slowest, worst := slices.Max(medians), 0.0
			for i, m := range medians {
				worst = max(worst, float64(m)/float64(before[i]))
			}
			l.add(fmt.Sprintf("lists of %s datums, the slowest", whole(float64(rows))), "1 ms and 2 times",
				fmt.Sprintf("%s; at most %.2f times", ms(slowest), worst),
				fmt.Sprintf("%s datums in the same run",
					whole(float64(rows/10))), slowest < time.Millisecond && worst <= 2)
			l.add("the 1,000 targets by name, first asked", "300 ms", ms(first), "", first < 300*time.Millisecond)
		}
		before = medians
	}
}

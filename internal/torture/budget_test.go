//go:build linux

package torture_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// The budgets of a request: MiB of the process's own memory, and time of one core.
const (
	budgetRequest = 64               // of a guest or an ordinary user
	budgetBulk    = 200              // an import or an upload
	budgetAll     = 256              // all that the default limits admit at once
	budgetLook    = 10 * time.Second // a preview or the headers of a file
)

// slower is how many times slower a machine may be than the one of these figures.
var slower = testenv.Choose[time.Duration](5, 1)

// coreTime is the processor time that a process has used.
func coreTime(t testing.TB, pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // Linux counts 100 ticks a second
}

// measured is what a request took.
type measured struct {
	rise int64 // bytes
	core time.Duration
	took time.Duration
}

func (m measured) mebibytes() float64 { return float64(m.rise) / (1 << 20) }

// measure runs fn while the node is otherwise idle, and returns by how much the node's memory grew
// meanwhile.
func measure(t testing.TB, n *node, fn func()) measured {
	t.Helper()
	pid := n.PID()
	rest := testenv.Memory(t, pid)
	for settled := 0; settled < 5; time.Sleep(20 * time.Millisecond) {
		now := testenv.Memory(t, pid)
		if settled++; now != rest {
			settled, rest = 0, now
		}
	}
	core, began := coreTime(t, pid), time.Now()
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if now := testenv.Memory(t, pid); now > peak.Load() {
				peak.Store(now)
			}
			select {
			case <-stop:
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	}()
	fn()
	close(stop)
	<-stopped
	return measured{peak.Load() - rest, coreTime(t, pid) - core, time.Since(began)}
}

// A budget bounds what some requests may take.
type budget struct {
	memory int // MiB
	core   time.Duration
}

// budgets measures requests one after another, each on a freshly started server, so that the memory
// of earlier requests does not hide that of later ones.
type budgets struct {
	t     *testing.T
	file  string
	token string
	rows  []string
}

// run measures fn and compares it with its budget.
func (b *budgets) run(name string, of budget, fn func(t *testing.T, n *node)) {
	b.t.Run(name, func(t *testing.T) {
		n := serve(t, b.file, b.token)
		n.ask(http.MethodGet, "/api/reduceddatums/?limit=1", nil, nil)
		m := measure(t, n, func() { fn(t, n) })
		bound := fmt.Sprintf("%d MiB", of.memory)
		if m.rise > int64(of.memory)<<20 {
			t.Errorf("the process grew by %.0f MiB, more than %d", m.mebibytes(), of.memory)
		}
		if of.core > 0 {
			bound += fmt.Sprint(", ", of.core)
			if m.core > of.core {
				t.Errorf("it took %v of a core, more than %v", m.core, of.core)
			}
		}
		b.rows = append(b.rows, fmt.Sprintf("%-58s %7.1f MiB  %8v of a core  %8v  (at most %s)", name, m.mebibytes(),
			m.core.Round(10*time.Millisecond), m.took.Round(10*time.Millisecond), bound))
		n.stop()
	})
}

// table prints the measurements.
func (b *budgets) table() { b.t.Logf("measured:\n%s", strings.Join(b.rows, "\n")) }

// together runs a request several times at once.
func together(times int, fn func(i int)) {
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() { fn(i) })
	}
	all.Wait()
}

// read reads an answer and discards it. Any status below 500 is accepted.
func read(t *testing.T, c *torture.Client, path, accept string) (size int64) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Token "+c.Token)
	}
	w, err := c.HTTP.Do(r)
	if err != nil {
		t.Errorf("GET %s: %v", path, err)
		return 0
	}
	defer w.Body.Close()
	size, err = io.Copy(io.Discard, w.Body)
	if err != nil || w.StatusCode >= 500 {
		t.Errorf("GET %s: status %d, %d bytes, %v", path, w.StatusCode, size, err)
	}
	return size
}

// send sends a body and reads the answer. Any status below 500 is accepted, and so is a connection
// that ends while an unwanted body is sent.
func send(t *testing.T, c *torture.Client, method, path, contentType string, body io.Reader) (status int) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	r, err := c.Send(ctx, method, path, contentType, body)
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if err == nil {
			return r.StatusCode
		}
	}
	refused := new(torture.Refused)
	if errors.As(err, &refused) {
		if refused.Status >= 500 {
			t.Errorf("%s %s: %v", method, path, err)
		}
		return refused.Status
	}
	if ctx.Err() != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	return 0
}

// TestBudgets measures requests designed to take as much as they can, on a server with the default
// limits. In the long form the archive has 500,000 open datums; in the short form it has 20,000,
// bodies are smaller, and there are fewer kinds.
func TestBudgets(t *testing.T) {
	parallel(t)
	b, target := budgetArchive(t)
	defer b.table()
	b.read(t)
	b.files(t, target)
	b.lines(t)
	b.bodies(t, target)
	b.dryRun(t, target)
	b.patches(t)
}

// budgetArchive is an archive with a product of many datums, of an open target.
func budgetArchive(t *testing.T) (*budgets, int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	n := serve(t, file, "")
	n.addGroup("observers")
	n.addUser("ann", false, time.Time{}, "observers")
	n.addUser("ben", false, time.Time{}, "observers")
	n.addUser("none", false, time.Time{})
	target := n.shareTarget("budget", "OPEN", "observers")
	_, err := postFile(t, n.admin, "", target, "large", "photometry", "large.csv",
		lightCurve(50_000, testenv.Choose(20_000, 500_000)))
	check(t, err)
	n.stop()
	return &budgets{t: t, file: file, token: n.admin.Token}, target
}

// as returns a client of a user.
func (n *node) as(name string) *torture.Client {
	n.t.Helper()
	u := &person{name: name}
	n.addToken(u, time.Time{})
	return u.client(n)
}

// read measures what guests may read.
func (b *budgets) read(t *testing.T) {
	for _, x := range []struct{ name, path, accept string }{
		{"list of 1,000,000, HTML", "/api/reduceddatums/?limit=1000000&format=api", ""},
		{"list of 1,000,000, JSON", "/api/reduceddatums/?limit=1000000", ""},
		{"product with its datums, HTML", "/api/dataproducts/1/?format=api", "text/html"},
		{"product with its datums, JSON", "/api/dataproducts/1/", ""},
	} {
		for _, at := range testenv.Choose([]int{4}, []int{1, 4}) {
			of := budget{memory: budgetRequest}
			if at > 1 {
				of.memory = budgetAll
				if !testenv.Long() { // too few datums for the budget of all
					of.memory = budgetRequest
				}
			}
			b.run(fmt.Sprintf("%s, %d at once", x.name, at), of, func(t *testing.T, n *node) {
				together(at, func(int) {
					if size := read(t, n.Client(""), x.path, x.accept); size < 10_000 {
						t.Errorf("the answer has %d bytes", size)
					}
				})
			})
		}
	}
}

// files measures previews and headers of files that decompress to a huge size.
func (b *budgets) files(t *testing.T, target int) {
	n := serve(t, b.file, b.token)
	var paths []string
	for _, tiles := range []int{1, 25} {
		got, err := postFile(t, n.admin, "", target, fmt.Sprint("tiles ", tiles), "fits_file",
			fmt.Sprintf("tiles%d.fits", tiles), zeroTiles(4096, tiles))
		check(t, err)
		u, err := url.Parse(got.Data)
		check(t, err)
		paths = append(paths, u.EscapedPath())
	}
	n.stop()
	for i, path := range paths {
		for j, look := range []string{"preview", "header"} {
			if !testenv.Long() && i != j {
				continue
			}
			b.run(fmt.Sprintf("%s of %d zero tiles", look, []int{1, 25}[i]), budget{budgetRequest, slower * budgetLook},
				func(t *testing.T, n *node) {
					read(t, n.Client(""), path+"?"+look+"=1", "")
				})
		}
	}
	b.run("4 previews of 25 zero tiles at once", budget{budgetAll, 4 * slower * budgetLook},
		func(t *testing.T, n *node) {
			together(4, func(int) { read(t, n.Client(""), paths[1]+"?preview=1", "") })
		})
}

// zeroTiles is a FITS file with a compressed image of zeros. Each tile has size by size pixels.
func zeroTiles(size, tiles int) []byte {
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	row := make([]byte, 8*size)
	for range size {
		z.Write(row)
	}
	z.Close()
	var out bytes.Buffer
	header := func(cards ...string) {
		for _, c := range append(cards, "END") {
			fmt.Fprintf(&out, "%-80s", c)
		}
		for out.Len()%2880 != 0 {
			out.WriteByte(' ')
		}
	}
	number := func(key string, n int) string { return fmt.Sprintf("%-8s= %20d", key, n) }
	text := func(key, s string) string { return fmt.Sprintf("%-8s= '%-8s'", key, s) }
	truth := func(key string) string { return fmt.Sprintf("%-8s= %20s", key, "T") }
	header(truth("SIMPLE"), number("BITPIX", 8), number("NAXIS", 0), truth("EXTEND"))
	header(text("XTENSION", "BINTABLE"), number("BITPIX", 8), number("NAXIS", 2), number("NAXIS1", 8),
		number("NAXIS2", tiles), number("PCOUNT", tiles*packed.Len()),
		number("GCOUNT", 1), number("TFIELDS", 1), text("TTYPE1", "COMPRESSED_DATA"), text("TFORM1",
			fmt.Sprintf("1PB(%d)", packed.Len())), truth("ZIMAGE"), number("ZBITPIX", -64),
		number("ZNAXIS", 2), number("ZNAXIS1", size), number("ZNAXIS2", size*tiles), number("ZTILE1",
			size), number("ZTILE2", size), text("ZCMPTYPE", "GZIP_1"))
	for i := range tiles {
		binary.Write(&out, binary.BigEndian, []int32{int32(packed.Len()), int32(i * packed.Len())})
	}
	for range tiles {
		out.Write(packed.Bytes())
	}
	for out.Len()%2880 != 0 {
		out.WriteByte(0)
	}
	return out.Bytes()
}

// lines measures streams of invalid lines.
func (b *budgets) lines(t *testing.T) {
	content := strings.Repeat("1\n", testenv.Choose(1<<19, 2<<20))
	for _, user := range []string{"ann", "none"} {
		for _, path := range []string{"/api/reduceddatums/", "/api/targets/"} {
			if !testenv.Long() && (user == "ann") != (path == "/api/targets/") {
				continue
			}
			b.run(fmt.Sprintf("%d invalid lines to %s, by %s", len(content)/2, path, user),
				budget{memory: budgetBulk}, func(t *testing.T, n *node) {
					send(t, n.as(user), http.MethodPost, path, "application/x-ndjson", strings.NewReader(content))
				})
		}
	}
}

// filled returns a datum of this size in bytes.
func filled(target, size, i int) io.Reader {
	head := fmt.Sprintf(`{"target":%d,"data_type":"photometry","timestamp":"2020-01-01T00:00:00Z",`+
		`"value":{"magnitude":%d,"note":"`, target, i)
	return io.MultiReader(strings.NewReader(head), io.LimitReader(letters{}, int64(size-len(head)-4)),
		strings.NewReader(`"}}`+"\n"))
}

// letters reads as endless letters.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// bodies measures the longest allowed bodies and lines, from as many clients as the node admits.
func (b *budgets) bodies(t *testing.T, target int) {
	const mebi = 1 << 20
	for _, x := range []struct {
		name, contentType string
		size, users       int
		inShort           bool
	}{
		{"bodies of 60 MiB", "application/json", 60 * mebi, 1, false},
		{"bodies of 60 MiB", "application/json", 60 * mebi, 2, false},
		{"lines of 60 MiB", "application/x-ndjson", 60 * mebi, 1, false},
		{"lines of 60 MiB", "application/x-ndjson", 60 * mebi, 2, false},
		{"lines of 15.9 MiB", "application/x-ndjson", 159 * mebi / 10, 1, false},
		{"lines of 15.9 MiB", "application/x-ndjson", 159 * mebi / 10, 2, true},
	} {
		if !testenv.Long() && !x.inShort {
			continue
		}
		b.run(fmt.Sprintf("%d %s, of %d users", 8*x.users, x.name, x.users), budget{memory: budgetAll},
			func(t *testing.T, n *node) {
				clients := []*torture.Client{n.as("ann"), n.as("ben")}
				together(8*x.users, func(i int) {
					send(t, clients[i/8], http.MethodPost, "/api/reduceddatums/", x.contentType,
						filled(target, x.size, i))
				})
			})
	}
	if !testenv.Long() {
		return
	}
	b.run("one body of 60 MiB", budget{memory: budgetBulk}, func(t *testing.T, n *node) {
		send(t, n.as("ann"), http.MethodPost, "/api/reduceddatums/", "application/json", filled(target, 60*mebi, 1))
	})
}

// dryRun measures a dry run of a table with very many rows, and its upload.
func (b *budgets) dryRun(t *testing.T, target int) {
	rows := testenv.Choose(200_000, 5_000_000)
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	z.Write([]byte("time,filter,magnitude,error\n"))
	for i := range rows {
		fmt.Fprintf(z, "%.6f,g,%.4f,0.01\n", 40_000+1e-3*float64(i), 15+float64(i%5000)/1000)
	}
	z.Close()
	of := budget{memory: budgetBulk}
	if !testenv.Long() { // at most 24 bytes a row and 48 MiB, so that memory kept for each row shows
		of.memory = 48 + 24*rows>>20
	}
	b.run(fmt.Sprintf("dry run of %d rows", rows), of, func(t *testing.T, n *node) {
		if _, err := postFile(t, n.as("ann"), "?dry_run=true", target, "dry", "photometry", "dry.csv.gz",
			packed.Bytes()); err != nil {
			t.Error(err)
		}
	})
	if testenv.Long() {
		b.run(fmt.Sprintf("upload of %d rows", rows), of, func(t *testing.T, n *node) {
			if _, err := postFile(t, n.as("ann"), "", target, "wet", "photometry", "wet.csv.gz",
				packed.Bytes()); err != nil {
				t.Error(err)
			}
		})
	}
}

// patches measures changes of the largest allowed records.
func (b *budgets) patches(t *testing.T) {
	tags := func(count, size int) map[string]any {
		r := rand.New(rand.NewPCG(1, 1))
		var list []map[string]string
		for i := range count {
			list = append(list, map[string]string{"key": fmt.Sprint("key ", i),
				"value": fmt.Sprintf("%x", noiseOf(r, size/2))})
		}
		return map[string]any{"targetextra_set": list}
	}
	b.run("960 tags of 31 KB", budget{memory: budgetBulk}, func(t *testing.T, n *node) {
		ann := n.as("ann")
		var got struct{ ID int }
		check(t, ann.Call(t.Context(), http.MethodPost, "/api/targets/",
			map[string]any{"name": "patched", "type": "SIDEREAL", "ra": 1, "dec": 1}, &got))
		err := ann.Call(t.Context(), http.MethodPatch, fmt.Sprintf("/api/targets/%d/", got.ID), tags(960, 31<<10), nil)
		if refused := new(torture.Refused); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest &&
			refused.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("a target of 30 MB: %v", err)
		}
	})
	n := serve(t, b.file, b.token)
	ann := n.as("ann")
	var got struct{ ID int }
	check(t, ann.Call(t.Context(), http.MethodPost, "/api/targets/",
		map[string]any{"name": "changed", "type": "SIDEREAL", "ra": 1, "dec": 1}, &got))
	path := fmt.Sprintf("/api/targets/%d/", got.ID)
	count := 15 // of 4,000 letters: the largest number allowed, found by trying
	for ; count > 0; count-- {
		err := ann.Call(t.Context(), http.MethodPatch, path, tags(count, 4000), nil)
		if refused := new(torture.Refused); errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
			continue
		}
		check(t, err)
		break
	}
	compacted := func(n *node) int64 {
		n.ask(http.MethodPost, "/api/node/compact/", nil, nil)
		return sizeOf(t, n.file)
	}
	before := compacted(n)
	n.stop()
	var grown int64
	b.run("40 changes of the largest target", budget{memory: budgetRequest}, func(t *testing.T, n *node) {
		ann := n.as("ann")
		for i := range 40 {
			check(t, ann.Call(t.Context(), http.MethodPatch, path, map[string]any{"ra": 1 + float64(i)/100}, nil))
		}
		grown = sizeOf(t, n.file) - before
	})
	n = serve(t, b.file, b.token)
	kept := compacted(n) - before
	n.stop()
	t.Logf("40 changes of a target with %d tags of 4,000 letters: the file grew by %d KiB, and is %d KiB larger "+
		"after compact", count, grown>>10, kept>>10)
	if grown > 8<<20 || kept > 512<<10 {
		t.Errorf("the file grew by %d KiB and by %d KiB after compaction; at most 8,192 and 512 are allowed",
			grown>>10, kept>>10)
	}
}

func noiseOf(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestDrippingStreams: streams that send a little from time to time do not keep another user from
// uploading.
func TestDrippingStreams(t *testing.T) {
	parallel(t)
	n := serve(t, filepath.Join(t.TempDir(), "test.db"), "")
	n.addGroup("observers")
	target := n.shareTarget("dripped", "PRIVATE", "observers")
	good := n.addUser("good", false, time.Time{}, "observers").client(n)
	for _, x := range []struct {
		name   string
		rights bool
		within time.Duration // bounds the answer to an upload
	}{
		// a user who may change nothing gets no slot
		{"without rights", false, 20 * time.Second},
		// a user who may gets half a minute to reach a reasonable pace
		{"with rights", true, 59 * time.Second},
	} {
		if x.rights && !testenv.Long() {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			defer all.Wait()
			defer cancel()
			for u := range 2 {
				groups := []string{}
				if x.rights {
					groups = append(groups, "observers")
				}
				user := n.addUser(fmt.Sprintf("drip-%v-%d", x.rights, u), false, time.Time{}, groups...)
				for range 8 {
					all.Go(func() { drip(ctx, user.client(n)) })
				}
			}
			time.Sleep(500 * time.Millisecond) // so that all have a slot
			began := time.Now()
			answered, stop := context.WithTimeout(t.Context(), x.within)
			defer stop()
			kind, content := productForm(target, fmt.Sprint("beside ", x.rights), "photometry", "beside.csv",
				lightCurve(50_000, 2000))
			r, err := good.Send(answered, http.MethodPost, "/api/dataproducts/", kind, bytes.NewReader(content))
			if err != nil {
				t.Fatalf("beside 16 dripping streams an upload failed after %v: %v",
					time.Since(began).Round(time.Millisecond), err)
			}
			r.Body.Close()
			t.Logf("beside 16 dripping streams an upload took %v", time.Since(began).Round(time.Millisecond))
		})
	}
}

// drip sends a stream a little at a time, again and again, until the context ends.
func drip(ctx context.Context, c *torture.Client) {
	for ctx.Err() == nil {
		pr, pw := io.Pipe()
		go func() {
			for ctx.Err() == nil {
				if _, err := pw.Write([]byte("\n")); err != nil {
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
			pw.CloseWithError(context.Canceled)
		}()
		if r, err := c.Send(ctx, http.MethodPost, "/api/reduceddatums/", "application/x-ndjson", pr); err == nil {
			r.Body.Close()
		}
		pr.Close()
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

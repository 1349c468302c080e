package torture_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// blockSize is the unit that a disk writes completely or not at all.
const blockSize = 4096

// call is a system call of a server on its file.
type call struct {
	begun, ended time.Time
	what         string // pwrite64, ftruncate, fdatasync or fsync
	off          int64  // of a write; the new size of a truncation
	data         []byte
}

// TestPowerCut records the writes and syncs of a server under load, and builds images of the file
// that a power cut could leave: everything synced by a moment, and any of the blocks not yet
// synced. Each image must be intact and hold every write acknowledged by that moment.
func TestPowerCut(t *testing.T) {
	parallel(t)
	strace := testenv.Need(t, "strace")
	dir := t.TempDir()
	file, trace := filepath.Join(dir, "test.db"), filepath.Join(dir, "trace")
	if out, err := exec.Command(strace, "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace is not allowed here (%.100s): power cuts are not tested", out)
	}
	first := serve(t, file, "")
	first.stop()
	begun, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := serveBy(t, []string{strace, "-D", "-f", "-ff", "-o", trace, "--absolute-timestamps=format:unix,precision:ns",
		"--syscall-times=ns", "-y", "-xx", "-s", "67108864",
		"-e", "trace=pwrite64,pwritev,write,ftruncate,fdatasync,fsync,fallocate", "-P", file, nightjar}, file,
		first.admin.Token)
	ledger := new(torture.Ledger)
	done := n.load(torture.Load{Posters: 4, Rows: []int{100, 1000}, Files: []int{20_000, 9 << 20}}, ledger, 1)
	time.Sleep(time.Duration(testenv.Choose(1, 10)) * time.Second)
	done()
	time.Sleep(1500 * time.Millisecond) // until the free list is written too
	n.stop()
	calls := readTrace(t, trace)
	whole := newDisk(begun)
	for _, c := range calls {
		whole.apply(c)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != string(whole.image(nil)) {
		t.Fatalf("the recorded calls do not give the file (%d bytes): some call was not recorded (%v)",
			len(b), err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	cuts := make([]int, testenv.Choose(15, 1000))
	for i := range cuts {
		cuts[i] = 1 + r.IntN(len(calls)-1) // before this call
	}
	slices.Sort(cuts)
	d, at, left := newDisk(begun), 0, 0
	acknowledged, _ := ledger.Count(1)
	for i, cut := range cuts {
		for ; at < cut; at++ {
			d.apply(calls[at])
		}
		if len(d.pending) > 0 {
			left++
		}
		image := filepath.Join(dir, fmt.Sprintf("cut%d.db", i))
		if err := os.WriteFile(image, d.image(r), 0o600); err != nil {
			t.Fatal(err)
		}
		openCut(t, ledger, image, calls[cut].begun)
		if t.Failed() {
			t.Fatalf("cut %d, before call %d of %d (%s)", i, cut, len(calls), calls[cut].what)
		}
		os.Remove(image)
		os.RemoveAll(image + ".index")
	}
	if left < len(cuts)/10 {
		t.Errorf("only %d cuts left unsynced blocks", left)
	}
	t.Logf("%d images from %d system calls for %d acknowledged writes; %d with unsynced blocks",
		len(cuts), len(calls), acknowledged, left)
}

// openCut opens an image as a server does and compares it with the writes acknowledged by then.
func openCut(t *testing.T, ledger *torture.Ledger, image string, at time.Time) {
	t.Helper()
	// The image has no session file, so Open verifies all of it.
	a, err := archive.Open(image, archive.Options{NoSync: true, MustExist: true})
	if err != nil {
		t.Error(err)
		return
	}
	defer a.Close()
	client := inProcess(api.New(a, api.Options{}).Owner())
	problems, err := ledger.Check(t.Context(), client, torture.At(at), true, false)
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// inProcess is a client of a handler.
func inProcess(h http.Handler) *torture.Client {
	return &torture.Client{URL: "http://nightjar",
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			if r.Body == nil {
				r.Body = http.NoBody
			}
			r.RemoteAddr = "127.0.0.1:1"
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Result(), nil
		})}}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// disk is the synced content of a file, and the calls since.
type disk struct {
	synced  []byte
	pending []call
}

func newDisk(begun []byte) *disk { return &disk{synced: begun} }

func (d *disk) apply(c call) {
	if c.what != "fdatasync" && c.what != "fsync" {
		d.pending = append(d.pending, c)
		return
	}
	d.synced = d.image(nil)
	d.pending = nil
}

// image is the content after a power cut: some of the blocks not synced, or all of them if r is
// nil. A block written twice may have either content.
func (d *disk) image(r *rand.Rand) []byte {
	b := slices.Clone(d.synced)
	chance := 1.0
	if r != nil {
		chance = []float64{0, 0.1, 0.5, 0.9, 1}[r.IntN(5)]
	}
	kept := func() bool { return r == nil || r.Float64() < chance }
	grow := func(to int64) {
		if n := to - int64(len(b)); n > 0 {
			b = append(b, make([]byte, n)...)
		}
	}
	for _, c := range d.pending {
		if c.what == "ftruncate" {
			if kept() {
				grow(c.off)
				b = b[:c.off]
			}
			continue
		}
		for from := int64(0); from < int64(len(c.data)); {
			to := min(int64(len(c.data)), (c.off+from)/blockSize*blockSize+blockSize-c.off)
			if kept() {
				grow(c.off + to)
				copy(b[c.off+from:], c.data[from:to])
			}
			from = to
		}
	}
	return b
}

// readTrace reads the output of strace, one file per thread, in the order of the calls.
func readTrace(t *testing.T, prefix string) (calls []call) {
	t.Helper()
	files, err := filepath.Glob(prefix + ".*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no trace: %v", err)
	}
	for _, file := range files {
		awaitEnd(t, file)
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReaderSize(f, 1<<20)
		for {
			line, err := lines.ReadString('\n')
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(line, "---") || strings.Contains(line, "+++") {
				continue
			}
			c, err := parseCall(line)
			if err != nil {
				t.Fatalf("%v: %.200q", err, line)
			}
			calls = append(calls, c)
		}
		f.Close()
		os.Remove(file)
	}
	slices.SortFunc(calls, func(a, b call) int { return a.begun.Compare(b.begun) })
	for i := 1; i < len(calls); i++ {
		if calls[i].begun.Before(calls[i-1].ended) {
			t.Fatalf("calls overlap: %s and %s at %v", calls[i-1].what, calls[i].what, calls[i].begun)
		}
	}
	return calls
}

// awaitEnd waits until strace, which ends after the server, has written the last line of a thread.
func awaitEnd(t *testing.T, file string) {
	for {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b[max(0, len(b)-200):]), "+++ exited") {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("the trace %s does not end", file)
		}
	}
}

var errCall = errors.New("an unknown call")

// parseCall reads a line such as
//
//	1795524660.3 pwrite64(8<\x2f>, "\x04\x00", 2, 8192) = 2 <0.000015>
func parseCall(line string) (c call, err error) {
	stamp, rest, ok := strings.Cut(line, " ")
	what, rest, ok2 := strings.Cut(rest, "(")
	args, rest, ok3 := strings.Cut(rest, ") = ")
	result, took, ok4 := strings.Cut(strings.TrimSpace(rest), " <")
	if !ok || !ok2 || !ok3 || !ok4 {
		return c, errCall
	}
	sec, nano, _ := strings.Cut(stamp, ".")
	s, err1 := strconv.ParseInt(sec, 10, 64)
	ns, err2 := strconv.ParseInt(nano, 10, 64)
	duration, err3 := time.ParseDuration(strings.TrimSuffix(took, ">") + "s")
	c.begun, c.what = time.Unix(s, ns), what
	c.ended = c.begun.Add(duration)
	parts := strings.Split(args, ", ")
	var err4 error
	switch what {
	case "pwrite64":
		if len(parts) != 4 || parts[2] != result {
			return c, errCall
		}
		c.data, err4 = hex.DecodeString(strings.ReplaceAll(strings.Trim(parts[1], `"`), `\x`, ""))
		if err4 == nil && strconv.Itoa(len(c.data)) != result {
			return c, errCall
		}
		if err4 == nil {
			c.off, err4 = strconv.ParseInt(parts[3], 10, 64)
		}
	case "ftruncate":
		if result != "0" {
			return c, errCall
		}
		c.off, err4 = strconv.ParseInt(parts[1], 10, 64)
	case "fdatasync", "fsync":
		if result != "0" {
			return c, errCall
		}
	default:
		return c, errCall
	}
	return c, errors.Join(err1, err2, err3, err4)
}

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// The rows of uploads: of one transaction, and of many (each holds at most 5,000 rows).
var (
	smallUpload = 300
	largeUpload = testenv.Choose(21_000, 52_000)
)

// acknowledged are the writes that a server acknowledged.
type acknowledged struct {
	mu      sync.Mutex
	datums  map[string]bool // by source name
	uploads map[string]int  // rows by source name
}

func (a *acknowledged) nothing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.datums) == 0
}

// TestKilledWhileWriting: a server that is killed while it writes loses no acknowledged write, and
// has every upload as a whole or not at all. NIGHTJAR_CRASH_ROUNDS sets how often it is killed.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	rounds := testenv.Choose(2, 3)
	if s := os.Getenv("NIGHTJAR_CRASH_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	file := newFile(t)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", file)
	secret := strings.TrimSpace(must(t, "token", "create", "admin", "--db", file))
	done := &acknowledged{datums: map[string]bool{}, uploads: map[string]int{}}
	for round := range rounds {
		c := startChild(t, file)
		var work sync.WaitGroup
		stop := make(chan struct{})
		for n := range 3 {
			work.Go(func() { done.post(c.base, secret, fmt.Sprintf("r%d-p%d", round, n), stop) })
		}
		work.Go(func() { done.upload(c.base, secret, fmt.Sprintf("r%d-small", round), smallUpload, stop) })
		work.Go(func() { done.upload(c.base, secret, fmt.Sprintf("r%d-large", round), largeUpload, stop) })
		for end := time.Now().Add(patience); done.nothing() && time.Now().Before(end); { // on a slow machine
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Duration(100+rand.IntN(1000)) * time.Millisecond)
		c.end(os.Kill)
		close(stop)
		work.Wait()
		if out := must(t, "verify", "--db", file); !strings.Contains(out, "is whole") {
			t.Error(out)
		}
		done.check(t, file)
		t.Logf("round %d: %d datums and %d uploads were acknowledged so far", round, len(done.datums),
			len(done.uploads))
	}
	if len(done.datums) == 0 {
		t.Error("no datum was acknowledged")
	}
	s := serveFile(t, file)
	must(t, "verify", "--db", file)
	if s.stop() != 0 {
		t.Error(s.errs)
	}
}

// untilStopped calls fn again and again, each time with another name.
func untilStopped(name string, stop chan struct{}, fn func(source string)) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
			fn(fmt.Sprintf("%s-%d", name, i))
		}
	}
}

// post posts datums one by one until stop.
func (a *acknowledged) post(base, secret, name string, stop chan struct{}) {
	untilStopped(name, stop, func(source string) {
		body := fmt.Sprintf(`{"target":1,"data_type":"photometry","timestamp":"2024-01-01T00:00:00Z",`+
			`"source_name":%q,"value":{"magnitude":17,"by":%q}}`, source, source)
		if send(base+"/api/reduceddatums/", secret, "application/json", strings.NewReader(body)) {
			a.mu.Lock()
			a.datums[source] = true
			a.mu.Unlock()
		}
	})
}

// upload uploads light curves one by one until stop.
func (a *acknowledged) upload(base, secret, name string, rows int, stop chan struct{}) {
	untilStopped(name, stop, func(source string) {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		form.WriteField("target", "1")
		form.WriteField("data_product_type", "photometry")
		part, _ := form.CreateFormFile("file", source+".csv")
		io.WriteString(part, "time,filter,magnitude,error,source,by\n")
		for n := range rows {
			fmt.Fprintf(part, "%.5f,r,17.5,0.01,%s,%[2]s\n", 50_000+float64(n)/100, source)
		}
		form.Close()
		if send(base+"/api/dataproducts/", secret, form.FormDataContentType(), &body) {
			a.mu.Lock()
			a.uploads[source] = rows
			a.mu.Unlock()
		}
	})
}

// send posts a body, and reports whether the server answered 201.
func send(url, secret, kind string, body io.Reader) bool {
	r, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		return false
	}
	r.Header.Set("Authorization", "Token "+secret)
	r.Header.Set("Content-Type", kind)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer w.Body.Close()
	io.Copy(io.Discard, w.Body)
	return w.StatusCode == http.StatusCreated
}

// check compares the content of a file with the acknowledged writes.
func (a *acknowledged) check(t *testing.T, file string) {
	t.Helper()
	rows := map[string]int{}
	d := json.NewDecoder(strings.NewReader(must(t, "export", "datums", "--db", file)))
	for {
		var datum struct {
			Source string `json:"source_name"`
		}
		if err := d.Decode(&datum); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		rows[datum.Source]++
	}
	for source := range a.datums {
		if rows[source] != 1 {
			t.Errorf("datum %s was acknowledged, and exists %d times", source, rows[source])
		}
	}
	for source, n := range a.uploads {
		if rows[source] != n {
			t.Errorf("upload %s: %d rows were acknowledged, %d exist", source, n, rows[source])
		}
	}
	for source, n := range rows {
		switch {
		case strings.Contains(source, "small") && n != smallUpload,
			strings.Contains(source, "large") && n != largeUpload:
			t.Errorf("upload %s has only %d rows", source, n)
		}
	}
	// A product without rows would be half an upload, too.
	var products int
	for source := range rows {
		if strings.Contains(source, "small") || strings.Contains(source, "large") {
			products++
		}
	}
	if out := must(t, "stat", "--db", file); !strings.Contains(out, fmt.Sprintf("dataproducts    %d\n", products)) {
		t.Errorf("rows of %d uploads exist, but: %s", products, out)
	}
}

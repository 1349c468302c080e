package torture_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// upload uploads a file of this size for a target, and returns its id, path and hash.
func upload(t *testing.T, n *node, target, size int) (id int, path string, sum [32]byte) {
	t.Helper()
	id, path, sum, err := tryUpload(t, n, target, size)
	check(t, err)
	return id, path, sum
}

// tryUpload is upload for an upload that may be refused.
func tryUpload(t *testing.T, n *node, target, size int) (id int, path string, sum [32]byte, err error) {
	t.Helper()
	content := bytes.Repeat([]byte(fmt.Sprintf("%d bytes of nothing much. ", size)), size/20)[:size]
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("target", fmt.Sprint(target))
	form.WriteField("data_product_type", "fits_file")
	part, err := form.CreateFormFile("file", "large.bin")
	check(t, err)
	part.Write(content)
	check(t, form.Close())
	var got struct {
		ID   int
		Data string
	}
	r, err := n.admin.Send(t.Context(), http.MethodPost, "/api/dataproducts/", form.FormDataContentType(), &body)
	if err != nil {
		return 0, "", sum, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	check(t, err)
	check(t, json.Unmarshal(b, &got))
	u, err := url.Parse(got.Data)
	check(t, err)
	return got.ID, u.EscapedPath(), sha256.Sum256(content), nil
}

func addTarget(t *testing.T, n *node, name string) int {
	t.Helper()
	var got struct{ ID int }
	check(t, n.admin.Call(t.Context(), http.MethodPost, "/api/targets/",
		map[string]any{"name": name, "type": "SIDEREAL", "ra": 1, "dec": 1}, &got))
	return got.ID
}

// TestCompactGivesBack: the space of deleted uploads goes back to the disk while the server runs.
func TestCompactGivesBack(t *testing.T) {
	parallel(t)
	n := serve(t, filepath.Join(t.TempDir(), "test.db"), "")
	target := addTarget(t, n, "M 31")
	empty := sizeOf(t, n.file)
	var ids []int
	for i := range 4 {
		id, _, _ := upload(t, n, target, 10<<20+i)
		ids = append(ids, id)
	}
	_, path, sum := upload(t, n, target, 3<<20)
	full := sizeOf(t, n.file)
	if full-empty < 40<<20 {
		t.Fatalf("43 MiB went into %d bytes", full-empty)
	}
	for _, id := range ids {
		check(t, n.admin.Call(t.Context(), http.MethodDelete, fmt.Sprintf("/api/dataproducts/%d/", id), nil, nil))
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) { // until it is purged
		must(t, "--db", n.file, "compact")
		if sizeOf(t, n.file) < 6<<20 {
			break
		}
		if time.Since(began) > testenv.Patience {
			t.Fatalf("%d bytes of %d are left", sizeOf(t, n.file), full)
		}
	}
	t.Logf("%.1f MiB, after deleting 40 MiB and compact %.1f MiB", float64(full)/(1<<20),
		float64(sizeOf(t, n.file))/(1<<20))
	r, err := n.admin.Send(t.Context(), http.MethodGet, path, "", nil)
	check(t, err)
	defer r.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r.Body); err != nil || [32]byte(h.Sum(nil)) != sum {
		t.Errorf("the remaining file has changed (%v)", err)
	}
	addTarget(t, n, "M 32")
	n.stop()
	must(t, "--db", n.file, "verify")
}

// TestSlowReader: clients that read a byte a second from a file of 100 MB do not slow writers. The
// pace with and without them is measured in turns in one run, so that a busy machine slows both.
func TestSlowReader(t *testing.T) {
	parallel(t)
	n := serve(t, filepath.Join(t.TempDir(), "test.db"), "")
	target, size := addTarget(t, n, "M 31"), testenv.Choose(40_000_000, 100_000_000)
	_, path, _ := upload(t, n, target, size)
	count := 0
	post := func(times int) (took []time.Duration) {
		for range times {
			count++
			began := time.Now()
			check(t, n.admin.Call(t.Context(), http.MethodPost, "/api/reduceddatums/",
				map[string]any{"target": target, "data_type": "photometry",
					"timestamp": time.Unix(int64(count), 0).UTC().Format(time.RFC3339),
					"value":     map[string]any{"magnitude": count}}, nil))
			took = append(took, time.Since(began))
		}
		return took
	}
	turns := testenv.Choose(4, 10)
	each := testenv.Choose(20, 100)
	var alone, beside []time.Duration
	for range turns {
		alone = append(alone, post(each)...)
		stop := readSlowly(t, n, path)
		beside = append(beside, post(each)...)
		stop()
	}
	slices.Sort(alone)
	slices.Sort(beside)
	t.Logf("%d datums each: median %v alone, %v beside 4 slow readers", len(alone), alone[len(alone)/2],
		beside[len(beside)/2])
	// the short form has few posts and only finds writers that wait for readers
	bound := testenv.Choose(200*time.Millisecond+5*alone[len(alone)/2], 2*alone[len(alone)/2])
	if beside[len(beside)/2] > bound {
		t.Errorf("slow readers slow writers: median %v, alone %v", beside[len(beside)/2], alone[len(alone)/2])
	}
	if grown := sizeOf(t, n.file); grown > int64(size)+36<<20 {
		t.Errorf("the file has grown to %d bytes: pages were not reused", grown)
	}
	n.stop()
}

// readSlowly lets four clients read a byte a second until stop is called.
func readSlowly(t *testing.T, n *node, path string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all []net.Conn
	for range 4 {
		c, err := net.Dial("tcp", strings.TrimPrefix(n.URL, "http://"))
		check(t, err)
		all = append(all, c)
		c.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Token %s\r\n\r\n", path,
			strings.TrimPrefix(n.URL, "http://"), n.admin.Token)
		b := bufio.NewReaderSize(c, 16)
		line, err := b.ReadString('\n')
		if err != nil || !strings.Contains(line, "200") {
			t.Fatalf("%q, %v", line, err)
		}
		go func() {
			for ctx.Err() == nil {
				b.ReadByte()
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
			}
		}()
	}
	return func() {
		cancel()
		for _, c := range all {
			c.Close()
		}
	}
}

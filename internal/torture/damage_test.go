package torture_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// busyFile makes a file with all kinds of records and no free pages, and returns its path.
func busyFile(t *testing.T, dir string) string {
	t.Helper()
	n := serve(t, filepath.Join(dir, "busy.db"), "", "--demo")
	ledger := new(torture.Ledger)
	n.writes(torture.Load{Posters: 4, Rows: []int{50, 500}, Files: []int{300_000}}, ledger, 1, 200)
	n.stop()
	must(t, "--db", n.file, "compact")
	must(t, "--db", n.file, "verify")
	return n.file
}

// live lists the ranges of a bbolt file in use: the head, elements, keys and values of each live
// page.
func live(t *testing.T, b []byte) (places [][2]int) {
	t.Helper()
	const pageSize, head, element = 4096, 16, 16
	newest := 0
	// the number of the transaction
	if binary.LittleEndian.Uint64(b[head+48:]) < binary.LittleEndian.Uint64(b[pageSize+head+48:]) {
		newest = 1
	}
	free := map[int]bool{}
	if list := int(binary.LittleEndian.Uint64(b[newest*pageSize+head+32:])) * pageSize; list > 0 {
		for i := range int(binary.LittleEndian.Uint16(b[list+10:])) {
			free[int(binary.LittleEndian.Uint64(b[list+head+8*i:]))] = true
		}
	}
	end := int(binary.LittleEndian.Uint64(b[newest*pageSize+head+40:])) // the first unused page
	for page := newest; page < end; {
		if free[page] {
			page++
			continue
		}
		at := page * pageSize
		flags, count := binary.LittleEndian.Uint16(b[at+8:]), int(binary.LittleEndian.Uint16(b[at+10:]))
		overflow := int(binary.LittleEndian.Uint32(b[at+12:]))
		used := head
		switch flags {
		case 1, 2: // a branch, a leaf
			used += count * element
			for i := range count {
				e := at + head + i*element
				if flags == 1 {
					used = max(used, e-at+int(binary.LittleEndian.Uint32(b[e:]))+
						int(binary.LittleEndian.Uint32(b[e+4:])))
				} else {
					used = max(used, e-at+int(binary.LittleEndian.Uint32(b[e+4:]))+
						int(binary.LittleEndian.Uint32(b[e+8:]))+int(binary.LittleEndian.Uint32(b[e+12:])))
				}
			}
		case 4: // a meta page
			used += 64
		case 16: // the free list
			used += 8 * count
		default:
			t.Fatalf("page %d has the flags %d", page, flags)
		}
		places = append(places, [2]int{at, at + used})
		if page < 2 {
			page = 2
		} else {
			page += 1 + overflow
		}
	}
	return places
}

// somewhere is a random position in these ranges. Every page is equally likely, so that branch
// pages get their share.
func somewhere(r *rand.Rand, places [][2]int) int {
	p := places[r.IntN(len(places))]
	return p[0] + r.IntN(p[1]-p[0])
}

// questions returns the requests to send to a file, damaged or not.
func questions(t *testing.T, h http.Handler) (paths []string) {
	t.Helper()
	client := inProcess(h)
	paths = []string{
		"/api/targets/?limit=1000", "/api/targets/?name=torture", "/api/targets/?name_fuzzy=torture+1+a+1",
		"/api/targets/?cone_search=180,0,60", "/api/reduceddatums/?limit=100",
		"/api/reduceddatums/?limit=100&offset=1500", "/api/reduceddatums/?format=ndjson",
		"/api/reduceddatums/?target_name=torture+1+a", "/api/dataproducts/?limit=100", "/api/observations/",
		"/api/groups/", "/api/users/", "/api/tokens/", "/api/settings/",
	}
	type row struct {
		ID   int
		Data string
	}
	for _, path := range []string{"/api/targets/", "/api/reduceddatums/", "/api/dataproducts/"} {
		var page struct{ Results []row }
		if err := client.Call(t.Context(), http.MethodGet, path+"?limit=400", nil, &page); err != nil {
			t.Fatal(err)
		}
		for i, x := range page.Results {
			if i%80 == 0 {
				paths = append(paths, fmt.Sprintf("%s%d/", path, x.ID))
			}
			if x.Data != "" {
				paths = append(paths, strings.TrimPrefix(x.Data, "http://nightjar"))
			}
		}
	}
	return paths
}

// asked returns the status and body of an answer; status 0 means that it broke off.
func asked(h http.Handler, path string) (status int, body []byte) {
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			status, body = 0, nil
		} else if p != nil {
			panic(p)
		}
	}()
	r := httptest.NewRequest(http.MethodGet, "http://nightjar"+path, nil)
	r.Header.Set("Accept", "application/json, */*")
	h.ServeHTTP(w, r)
	if n := w.Header().Get("Content-Length"); n != "" && n != fmt.Sprint(w.Body.Len()) {
		return 0, nil // shorter than announced
	}
	return w.Code, w.Body.Bytes()
}

// TestDamage flips single bits in live ranges of a file. The program keeps running, answers as
// before or with an error, and verify finds the damage. A few bits mean nothing: unused ones of
// bbolt's elements, or a next id that is too large.
func TestDamage(t *testing.T) {
	parallel(t)
	dir := t.TempDir()
	whole, err := os.ReadFile(busyFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	places := live(t, whole)
	open := func(path string) (*archive.Archive, http.Handler, error) {
		a, err := archive.Open(path,
			archive.Options{NoSync: true, MustExist: true, CheckCopy: func(string) error { return nil }})
		if err != nil {
			return nil, nil, err
		}
		return a, api.New(a, api.Options{}).Owner(), nil
	}
	damaged := filepath.Join(dir, "damaged.db")
	write := func(b []byte) {
		os.RemoveAll(damaged + ".index")
		os.Remove(damaged + ".session")
		if err := os.WriteFile(damaged, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(whole)
	a, h, err := open(damaged)
	if err != nil {
		t.Fatal(err)
	}
	paths := questions(t, h)
	truth, rows := map[string][]byte{}, map[string]bool{}
	for _, path := range paths {
		status, body := asked(h, path)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %.200s", path, status, body)
		}
		truth[path] = body
		for _, row := range rowsOf(path, body) {
			rows[row] = true
		}
	}
	// lists may be shorter, which moves rows between pages: so collect every row
	for _, path := range []string{"/api/targets/?limit=100000", "/api/reduceddatums/?limit=100000"} {
		status, body := asked(h, path)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %.200s", path, status, body)
		}
		for _, row := range rowsOf(path, body) {
			rows[row] = true
		}
	}
	a.Close()
	r := rand.New(rand.NewPCG(3, 4))
	refused, failed, missing, harmless := 0, 0, 0, 0
	salvaged, least := 0, 1<<30
	total := testenv.Choose(8, 1000)
	for i := range total {
		at, bit := somewhere(r, places), byte(1)<<r.IntN(8)
		b := bytes.Clone(whole)
		b[at] ^= bit
		write(b)
		what := fmt.Sprintf("flip %d (bit %#x of byte %d of page %d)", i, bit, at%4096, at/4096)
		a, h, err := open(damaged)
		some, fewer := err != nil, false
		if err != nil {
			if errors.Is(err, archive.ErrLocked) {
				t.Fatalf("%s: the previous archive kept its lock", what)
			}
			if refused++; !strings.Contains(err.Error(), "damaged:") &&
				!strings.Contains(err.Error(), "not a nightjar file") {
				t.Errorf("%s: the refusal does not mention damage: %v", what, err)
			}
		} else {
			for _, path := range paths {
				status, body := asked(h, path)
				switch {
				case status == 0 || status >= 500:
					some = true
				case status == http.StatusNotFound || status == http.StatusOK &&
					len(rowsOf(path, body)) < len(rowsOf(path, truth[path])):
					fewer = true
				case status != http.StatusOK:
					t.Errorf("%s: %s: status %d: %.200s", what, path, status, body)
				}
				for _, row := range rowsOf(path, body) {
					if status == http.StatusOK && !rows[row] {
						t.Errorf("%s: %s: an altered row in the answer: %.200s", what, path, row)
						break
					}
				}
			}
			if some {
				failed++
			}
			if fewer {
				missing++
			}
			a.Close()
		}
		write(b)
		if out, err := run(t, "--db", damaged, "verify"); err == nil {
			if harmless++; some || fewer {
				t.Errorf("%s: verify finds nothing", what)
			}
		} else if strings.Contains(out, "goroutine") {
			t.Errorf("%s: verify says %.300s", what, out)
		}
		if i%4 == 0 {
			if saved := salvage(t, what, damaged, rows); saved >= 0 {
				salvaged, least = salvaged+1, min(least, saved)
			}
		}
		if i%100 == 99 {
			t.Logf("%d bits: %d refused, %d failed, %d missing, %d harmless, %d salvaged, at least %d datums", i+1,
				refused, failed, missing, harmless, salvaged, least)
		}
	}
	datums := len(rowsOf("format=", truth["/api/reduceddatums/?format=ndjson"]))
	t.Logf("%d files were salvaged; the worst has %d of %d datums", salvaged, least, datums)
	if least < datums-datums/100 {
		t.Errorf("one bit cost %d of %d salvaged datums", datums-least, datums)
	}
	if salvaged < total/8 {
		t.Errorf("only %d files could be salvaged", salvaged)
	}
	t.Logf("%d bits flipped: %d files did not open, %d gave failed answers, %d gave incomplete answers, none gave "+
		"altered ones; verify found all but %d bits that mean nothing",
		total, refused, failed, missing, harmless)
	if harmless > total/10+4 {
		t.Errorf("verify does not find %d of %d bits", harmless, total)
	}
	if missing > total/10+4 {
		t.Errorf("%d of %d files gave an incomplete answer that should have failed", missing, total)
	}
}

// salvage salvages a damaged file. The new file must be intact and contain nothing altered. It
// returns the number of datums, or -1 if nothing could be saved.
func salvage(t *testing.T, what, damaged string, rows map[string]bool) int {
	t.Helper()
	to := damaged + ".saved"
	defer os.Remove(to)
	defer os.RemoveAll(to + ".index")
	out, err := run(t, "--db", damaged, "export", "--salvage", to)
	if err != nil {
		if _, statErr := os.Stat(to); statErr == nil || strings.Contains(out, "goroutine") ||
			strings.Contains(out, "panic") {
			t.Errorf("%s: salvage: %.500s", what, out)
		}
		return -1
	}
	a, err := archive.Open(to, archive.Options{NoSync: true})
	if err != nil {
		t.Errorf("%s: salvaged: %v", what, err)
		return -1
	}
	defer a.Close()
	h := api.New(a, api.Options{}).Owner()
	n := 0
	for _, path := range []string{"/api/reduceddatums/?format=ndjson", "/api/targets/?limit=1000",
		"/api/dataproducts/?limit=100"} {
		status, body := asked(h, path)
		if status != http.StatusOK {
			t.Errorf("%s: salvaged: %s: %d %.300s", what, path, status, body)
			continue
		}
		list := rowsOf(path, body)
		if strings.Contains(path, "ndjson") {
			n = len(list)
		}
		for _, row := range list {
			if !rows[row] && !strings.Contains(row, "lost target ") && !lostObservation(row, rows) {
				t.Errorf("%s: salvaged: %s: an altered row: %.300s", what, path, row)
				break
			}
		}
	}
	return n
}

// lostObservation reports whether a row is a data product that has lost only its observation
// record.
func lostObservation(row string, rows map[string]bool) bool {
	const none = `"observation_record":null`
	before, after, ok := strings.Cut(row, none)
	if !ok {
		return false
	}
	for known := range rows {
		if middle, ok := strings.CutPrefix(known, before); ok && strings.HasSuffix(middle, after) &&
			strings.HasPrefix(middle, strings.TrimSuffix(none, "null")) {
			return true
		}
	}
	return false
}

// rowsOf splits an answer into rows. The rows of nested lists are rows of their own. Counts and
// links to pages are left out. A file is one row.
func rowsOf(path string, body []byte) (rows []string) {
	if strings.HasPrefix(path, "/data/") {
		return []string{string(body)}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if strings.Contains(path, "format=") {
		return strings.Split(strings.TrimSpace(string(body)), "\n")
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
			return nil
		case map[string]any:
			for _, key := range []string{"count", "next", "previous"} {
				delete(v, key)
			}
			own := map[string]any{}
			for key, x := range v {
				if key == "value" { // of a datum: compared as text
					own[key] = x
				} else {
					own[key] = walk(x)
				}
			}
			text, _ := json.Marshal(own)
			rows = append(rows, string(text))
			return nil
		}
		return v
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return []string{string(body)}
	}
	walk(v)
	return rows
}

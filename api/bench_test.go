package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"

	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/dataset"
)

// benchRows and benchTargets are the numbers of datums and targets of the lists.
const (
	benchRows    = 1_000_000
	benchTargets = 1000
)

// benchNode serves the data set of the measurements to admin and to astro, whose group Observers
// sees every second target.
func benchNode(b *testing.B, rows, targets int) *node {
	b.Helper()
	n := &node{t: b, path: b.TempDir() + "/bench.db", tokens: map[string]string{}}
	var err error
	if n.archive, err = archive.Open(n.path, archive.Options{NoSync: true, Logf: b.Logf}); err != nil {
		b.Fatal(err)
	}
	n.api = New(n.archive, Options{})
	n.Server = httptest.NewServer(n.api)
	b.Cleanup(func() {
		n.Server.Close()
		if err := n.archive.Close(); err != nil {
			b.Error(err)
		}
	})
	ctx, owner, a := context.Background(), auth.FileOwner(), n.archive.Auth()
	if _, err := a.CreateGroup(ctx, owner, "Observers"); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"admin", "astro"} {
		super := name == "admin"
		in := auth.UserChange{Name: &name, Superuser: &super}
		if !super {
			in.Groups = &[]auth.GroupRef{{Name: "Observers"}}
		}
		u, err := a.CreateUser(ctx, owner, in)
		if err != nil {
			b.Fatal(err)
		}
		token, err := a.CreateToken(ctx, owner, auth.NewToken{User: u.ID})
		if err != nil {
			b.Fatal(err)
		}
		n.tokens[name] = token.Secret
	}
	i := 0
	_, err = n.archive.For(owner).AddTargets(ctx, func() (*archive.TargetInput, int, error) {
		if i++; i > targets {
			return nil, i, io.EOF
		}
		t := dataset.TargetAt(i)
		in := &archive.TargetInput{Name: archive.Some(t.Name), Type: archive.Some(archive.Sidereal),
			Numbers: map[string]archive.Opt[float64]{"ra": archive.Some(t.RA), "dec": archive.Some(t.Dec)},
			Aliases: []archive.AliasInput{{Name: t.Aliases[0]}, {Name: t.Aliases[1]}}}
		if t.Shared {
			in.Groups = []auth.GroupRef{{Name: "Observers"}}
		}
		return in, i, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if rows > 0 {
		n.importRows(0, rows, targets)
	}
	return n
}

// importRows posts datums as lines of JSON as the owner.
func (n *node) importRows(first, rows, targets int) {
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(dataset.WriteDatums(pw, first, rows, targets, nil)) }()
	r := httptest.NewRequest("POST", "/api/reduceddatums/", pr)
	r.Header.Set("Content-Type", typeNDJSON)
	w := httptest.NewRecorder()
	n.api.Owner().ServeHTTP(w, r)
	if want := fmt.Sprintf(`{"created":%d,"duplicate":0,"rejected":0,`, rows); w.Code != http.StatusCreated ||
		!bytes.HasPrefix(w.Body.Bytes(), []byte(want)) {
		n.t.Fatalf("import: %d %.300s", w.Code, w.Body)
	}
}

// discard is a ResponseWriter that counts bytes and keeps nothing.
type discard struct {
	header http.Header
	status int
	bytes  int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { d.bytes += len(p); return len(p), nil }

// BenchmarkList gets pages of 100 of 1,000,000 datums, with their count, as a superuser and as a
// user who sees half of the targets. It measures the handler, without a network.
func BenchmarkList(b *testing.B) {
	n := benchNode(b, benchRows, benchTargets)
	for _, user := range []string{"admin", "astro"} {
		for _, query := range []string{"", "target__id=502", "target_name=Target-00502", "target_name=Target-0050",
			"target_name=Target",
			"source_name=ZTF", "data_type=photometry", "data_type=photometry&source_name=ZTF",
			"target__id=502&data_type=photometry", "offset=900000", "offset=450000"} {
			b.Run(user+"/"+query, func(b *testing.B) {
				r := httptest.NewRequest("GET", "/api/reduceddatums/?"+query, nil)
				r.Header.Set("Authorization", "Token "+n.tokens[user])
				b.ReportAllocs()
				for b.Loop() {
					w := &discard{header: http.Header{}}
					n.api.ServeHTTP(w, r)
					if w.status != http.StatusOK {
						b.Fatal(w.status)
					}
				}
			})
		}
	}
}

// BenchmarkImport posts 200,000 datums as lines of JSON, on few targets and on many, and reports
// rows per second.
func BenchmarkImport(b *testing.B) {
	const rows = 200_000
	for _, targets := range []int{benchTargets, rows / 10} {
		b.Run(fmt.Sprint(targets), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				n := benchNode(b, 0, targets)
				b.StartTimer()
				n.importRows(0, rows, targets)
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkUpload uploads tables of photometry of 100,000 rows and reports rows per second.
func BenchmarkUpload(b *testing.B) {
	const rows = 100_000
	n := benchNode(b, 0, 100)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		form.WriteField("target", fmt.Sprint(1+i))
		form.WriteField("data_product_type", "photometry")
		part, err := form.CreateFormFile("file", "curve.csv")
		if err != nil {
			b.Fatal(err)
		}
		dataset.WriteUpload(part, rows, 0)
		form.Close()
		r := httptest.NewRequest("POST", "/api/dataproducts/", &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		w := httptest.NewRecorder()
		n.api.Owner().ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			b.Fatalf("%d %.300s", w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkPost posts datums one by one, without syncing the disk: this leaves the cost of our own
// code.
func BenchmarkPost(b *testing.B) {
	n := benchNode(b, 100_000, benchTargets)
	b.ReportAllocs()
	for k := 100_000; b.Loop(); k++ {
		r := httptest.NewRequest("POST", "/api/reduceddatums/",
			bytes.NewReader(dataset.AppendDatum(nil, k, benchTargets)))
		r.Header.Set("Content-Type", typeJSON)
		r.Header.Set("Authorization", "Token "+n.tokens["admin"])
		w := &discard{header: http.Header{}}
		if n.api.ServeHTTP(w, r); w.status != http.StatusCreated {
			b.Fatal(w.status)
		}
	}
}

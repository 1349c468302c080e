package archive

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"nightjar/auth"
)

// byObject uploads a file without a target, after a dry run whose report must agree.
func (f *fixture) byObject(user string, in *ProductInput, content string) ([]*ProductView, *Report, error) {
	f.t.Helper()
	file := func() *FileUpload {
		w, err := f.as(user).BeginUpload(f.t.Context())
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		return w
	}
	w := file()
	asked := *in
	asked.DryRun = true
	_, dry, dryErr := f.as(user).Upload(f.t.Context(), &asked, w)
	if err := w.Abort(); err != nil {
		f.t.Fatal(err)
	}
	w = file()
	views, r, err := f.as(user).Upload(f.t.Context(), in, w)
	if err2 := w.Abort(); err2 != nil {
		f.t.Fatal(err2)
	}
	if fmt.Sprint(err) != fmt.Sprint(dryErr) {
		f.t.Errorf("dry run: %v, upload: %v", dryErr, err)
	}
	if err == nil && (dry.Created != r.Created || dry.Duplicate != r.Duplicate ||
		!reflect.DeepEqual(dry.Rejected, r.Rejected)) {
		f.t.Errorf("dry run: %+v, upload: %+v", dry, r)
	}
	return views, r, err
}

// TestUploadByObject: rows go to the targets that they name, if the uploader may change them; the
// others are reported.
func TestUploadByObject(t *testing.T) {
	for _, stageFrom := range []int{0, 1} { // as one transaction, and staged
		t.Run(fmt.Sprint(stageFrom), func(t *testing.T) {
			f := open(t, Options{StageFrom: stageFrom})
			one, two := f.target("astro", "SN 2026abc", f.group), f.target("astro", "M 31", f.group)
			f.target("bob", "secret")
			if _, err := f.as("astro").ChangeTarget(t.Context(), two,
				&TargetInput{Aliases: []AliasInput{{Name: "Andromeda"}}}, false); err != nil {
				t.Fatal(err)
			}
			long := strings.Repeat("# a comment that makes the file larger than a chunk of a blob\n", 2000)
			content := long + "mjd,mag,filter,object\n55951,15,r,sn2026ABC\n55951,15,r,sn2026ABC\n" +
				"55951,15,r,Andromeda\n55952,16,r,secret\n" +
				"55953,17,r,nobody\n55954,18,r,\n55955,,r,m_31\n55956,19,r,M31\n"
			in := &ProductInput{Type: "photometry", FileName: "all.csv"}
			views, r, err := f.byObject("astro", in, content)
			if err != nil {
				t.Fatal(err)
			}
			if len(views) != 2 || views[0].Target != one || views[1].Target != two || views[0].Path == views[1].Path {
				t.Fatalf("products: %+v", views)
			}
			if r.Created != 3 || r.Duplicate != 1 || r.Rows != 8 || r.RejectedCount != 4 {
				t.Errorf("report: %+v", r)
			}
			var told []string
			for _, p := range r.Rejected {
				told = append(told, p.String())
			}
			for i, want := range []string{`line 2005: there is no target called "secret"`,
				`line 2006: there is no target called "nobody"`, "line 2007: the row names no object",
				"line 2008: the row holds neither a magnitude nor a limit nor a flux"} {
				if i >= len(told) || told[i] != want {
					t.Errorf("left out: %q, want %q", told, want)
				}
			}
			if text := strings.Join(r.Warnings, "\n"); !strings.Contains(text,
				fmt.Sprintf("the rows of 'M 31' are data product %d of the target with id %d", views[1].ID, two)) {
				t.Errorf("warnings: %s", text)
			}
			for target, want := range map[uint64]int{one: 1, two: 2} {
				if n := len(f.data("astro", DatumFilter{Target: Some(target)})); n != want {
					t.Errorf("target %d has %d datums, want %d", target, n, want)
				}
			}
			for i, want := range []int{1, 2} {
				if n := len(f.data("astro", DatumFilter{Product: Some(views[i].ID)})); n != want {
					t.Errorf("product %d has %d datums, want %d", i, n, want)
				}
			}
			// once more: nothing new, but the datums also get the new products
			again, r, err := f.byObject("carol", in, content)
			if err != nil || r.Created != 0 || r.Duplicate != 4 {
				t.Fatalf("again: %+v, %v", r, err)
			}
			// deleting one product keeps the file of the other
			if err := f.as("astro").DeleteProduct(t.Context(), views[0].ID); err != nil {
				t.Fatal(err)
			}
			if n := len(f.data("carol", DatumFilter{Product: Some(again[0].ID)})); n != 1 {
				t.Errorf("the other product has %d datums", n)
			}
			file, err := f.as("astro").File(views[1].Path)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(file); err != nil || string(b) != content {
				t.Errorf("the file has %d bytes, %v", len(b), err)
			}
			// refuse duplicates
			in.Refuse = true
			var failed *ProcessingError
			if _, _, err := f.byObject("astro", in, content); !errors.As(err, &failed) ||
				!strings.Contains(err.Error(), AlreadyThere) {
				t.Errorf("refusing: %v", err)
			}
		})
	}
}

// TestUploadByObjectRecognised: one reading recognises the type of a file and the objects that it
// names; the file gives the same datums as one uploaded as photometry.
func TestUploadByObjectRecognised(t *testing.T) {
	f := open(t, Options{})
	one, two := f.target("astro", "SN 2026abc", f.group), f.target("astro", "M 31", f.group)
	content := "mjd,mag,filter,object\n55951,15,r,sn2026ABC\n55952,15,r,M31\n55952,16,r,nobody\n55953,17,r,m_31\n"
	views, r, err := f.byObject("astro", &ProductInput{Type: AutoType, FileName: "all.csv"}, content)
	if err != nil || len(views) != 2 || views[0].Target != one || views[1].Target != two || r.Created != 3 ||
		r.RejectedCount != 1 {
		t.Errorf("%+v %+v %v", views, r, err)
	}
	file, err := f.as("astro").BeginUpload(t.Context())
	if err == nil {
		_, err = io.WriteString(file, content)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Abort() }()
	in := &ProductInput{Type: AutoType, FileName: "all.csv", byObject: new(objects)}
	typed, _, err := f.as("astro").recognised(t.Context(), in, new(productPlan), file)
	if err != nil || typed.Type != "photometry" || strings.Join(in.byObject.names, ",") != "sn2026ABC,M31,nobody,m_31" {
		t.Errorf("%+v %q %v", typed, in.byObject.names, err)
	}
}

// TestUploadByObjectRefused: an upload without a target for its rows is refused, and leaves nothing
// behind.
func TestUploadByObjectRefused(t *testing.T) {
	f := open(t, Options{})
	f.target("astro", "A-1", f.group)
	f.target("astro", "A 1", f.group)
	open := f.target("bob", "open")
	if _, err := f.as("bob").ChangeTarget(t.Context(), open, &TargetInput{Visibility: Some(string(auth.VisibleToAll))},
		false); err != nil {
		t.Fatal(err)
	}
	const required = "target: This field is required."
	for _, c := range []struct{ name, kind, productID, content, want string }{
		{"no column of objects", "photometry", "", "mjd,mag\n55951,15\n", required},
		{"no column and by content", "auto", "", "mjd,mag\n55951,15\n", required},
		{"no names", "photometry", "", "mjd,mag,object\n55951,15,\n", required},
		{"a bad file", "photometry", "", "a,b\n1,2\n", required},
		{"no data", "fits_file", "", "x", required},
		{"a spectrum", "spectroscopy", "",
			"# OBJECT: A-1\n# DATE-OBS: 2020-01-01\nwavelength,flux\n1,2\n2,3\n", required},
		{"a bad type", "song", "", "mjd,mag\n55951,15\n", "data_product_type: Not a valid"},
		{"a bad row", "photometry", "", "mjd,mag,object\n55951,15,A-1\n55951,bright,A-1\n", "column mag"},
		{"unknown", "photometry", "", "mjd,mag,object\n55951,15,nobody\n",
			`every object was left out, the first in line 2: there is no target called "nobody"`},
		{"too alike", "photometry", "", "mjd,mag,object\n55951,15,A1\n", "every object was left out"},
		{"not to be changed", "photometry", "", "mjd,mag,object\n55951,15,open\n",
			"every object was left out"},
		{"one product id for two", "photometry", "x", "mjd,mag,object\n55951,15,A-1\n55951,15,A 1\n",
			"they cannot share a product id"},
	} {
		_, _, err := f.byObject("astro",
			&ProductInput{Type: c.kind, ProductID: c.productID, FileName: "a.csv"}, c.content)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		var failed *ProcessingError
		if errors.As(err, &failed) && c.name != "a bad row" && failed.Report.RejectedCount != 1 {
			t.Errorf("%s: %+v", c.name, failed.Report)
		}
	}
	if n := len(f.data("admin", DatumFilter{})); n != 0 {
		t.Errorf("%d datums exist", n)
	}
	// an exact name is not ambiguous; a single product may have an id
	views, r, err := f.byObject("astro", &ProductInput{Type: "auto", ProductID: "x", FileName: "a.csv"},
		"mjd,mag,object\n55951,15,A-1\n55952,15,a1\n55953,15,open\n")
	if err != nil || len(views) != 1 || views[0].ProductID != "x" || r.Created != 1 {
		t.Fatalf("%+v, %+v, %v", views, r, err)
	}
	if text := fmt.Sprint(r.Rejected); !strings.Contains(text, "several targets have names like") ||
		!strings.Contains(text, "not change it") {
		t.Error(text)
	}
}

// TestUploadOfSeveralSpectra: undated spectra of one file stay apart, unless they are the same; the
// report begins with what auto decided.
func TestUploadOfSeveralSpectra(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "SN 2026abc", f.group)
	const why = "spectroscopy, because 'wavelength' is a wavelength and 'flux' a flux"
	upload := func(content string) *Report {
		t.Helper()
		file, err := f.as("astro").BeginUpload(t.Context())
		if err == nil {
			_, err = io.WriteString(file, content)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, report, err := f.as("astro").Upload(t.Context(), &ProductInput{Type: AutoType, Target: id,
			FileName: "s.csv"}, file)
		if err != nil || report.Recognised != why {
			t.Fatalf("%v %+v", err, report)
		}
		return report
	}
	// the second differs from the first in its wavelengths, the third in its fluxes
	const two = "wavelength,flux,id\n4000,1,a\n5000,2,a\n4001,1,b\n5001,2,b\n4000,3,c\n5000,2,c\n"
	if r := upload(two); r.Created != 3 || r.Duplicate != 0 {
		t.Errorf("%+v", r)
	}
	if r := upload(two + "4000,1,d\n5000,2,d\n6000,7,e\n"); r.Created != 1 || r.Duplicate != 4 {
		t.Errorf("%+v", r)
	}
	if n := len(f.data("astro", DatumFilter{})); n != 4 {
		t.Errorf("%d datums", n)
	}
}

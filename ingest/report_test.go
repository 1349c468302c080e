package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits/fitstest"
	"nightjar/internal/instant"
)

var update = flag.Bool("update", false, "write the reports that TestReports compares with")

// TestReports reads every file in testdata/reports (photometry-*, spectroscopy-*) and compares
// report and points, byte for byte, with the .json file of the same name.
func TestReports(t *testing.T) {
	files, err := filepath.Glob("testdata/reports/*.[ct][sx][vt]")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		dataType, _, _ := strings.Cut(name, "-")
		compareReport(t, strings.TrimSuffix(path, filepath.Ext(path))+".json", dataType, name, data,
			Options{MaxProblems: 3})
	}
	bands := fitstest.Spectrum([]int{4, 1, 3}, "CTYPE1  = 'LINEAR'", "CRVAL1  = 5000.0", "CD1_1   = 2.5",
		"CUNIT1  = 'deg'", "WAT1_001= 'wtype=linear units=angstroms'",
		"BANDID1 = 'spectrum'", "BANDID3 = 'sigma'", "DATE-OBS= '2016-12-31'", "BUNIT   = 'erg/cm2/s/A'",
		"ORIGIN  = 'LCOGT'")
	compareReport(t, "testdata/reports/spectroscopy-bands.json", "spectroscopy", "bands.fits", bands,
		Options{FluxScale: 2})
}

func compareReport(t *testing.T, path, dataType, name string, data []byte, o Options) {
	t.Run(filepath.Base(path), func(t *testing.T) {
		points, report, err := process(dataType, name, data, o)
		var refused *bounded.Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		type point struct {
			Time   string          `json:"time,omitempty"`
			Source string          `json:"source,omitempty"`
			Line   int             `json:"line,omitempty"`
			Value  json.RawMessage `json:"value"`
		}
		out := struct {
			Error  string  `json:"error,omitempty"`
			Report Report  `json:"report"`
			Points []point `json:"points,omitempty"`
		}{Report: report}
		if err != nil {
			out.Error, points = err.Error(), nil
		}
		for _, p := range points {
			v := point{Source: p.Source, Line: p.Line, Value: p.Value}
			if p.Timed {
				v.Time = instant.Text(p.Time)
			}
			out.Points = append(out.Points, v)
		}
		var got bytes.Buffer
		e := json.NewEncoder(&got)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(out); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
		}
	})
}

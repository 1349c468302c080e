package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"nightjar/ingest/fits/fitstest"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/testenv"
)

const writeTables = `
import numpy as np, gzip, shutil
from astropy.table import Table, MaskedColumn
from astropy.io import fits
import astropy.units as u
from astropy.time import Time
n = 60
t = Table()
t['mjd'] = 58000.123456789 + np.arange(n) / 7.0
t['mjd'].unit = 'd'
t['mag'] = MaskedColumn(15 + np.arange(n) * 0.013, mask=[i % 10 == 3 for i in range(n)])
t['mag_err'] = np.linspace(0.01, 0.2, n).astype('float32')
t['flux'] = 1000.0 * np.exp(-np.arange(n) / 9.0)
t['flux'].unit = 'uJy'
t['filter'] = [['g', 'r', 'i λ'][i % 3] if i else '007' for i in range(n)]
t['visit'] = MaskedColumn(np.arange(n) * 1000003, mask=[i % 7 == 2 for i in range(n)], dtype='int64')
t['good'] = [i % 2 == 0 for i in range(n)]
ascii_only = t.copy()
ascii_only['filter'] = ['g' if i % 2 else '007' for i in range(n)]
rows = []
for r in ascii_only:
    rows.append([None if np.ma.is_masked(r[c]) else (str(r[c]) if c == 'filter' else float(r[c])) for c in ('mjd', 'mag', 'mag_err', 'flux', 'visit', 'filter')])
for kind in ('tabledata', 'binary', 'binary2'):
    vo = ascii_only.copy()
    if kind != 'tabledata':
        vo.remove_column('visit')
    vo.write(kind + '.xml', format='votable', tabledata_format=kind)
ascii_only.write('table.fits')
ascii_only.write('comma.ecsv', delimiter=',', format='ascii.ecsv')
ascii_only.write('blank.ecsv', format='ascii.ecsv')
for name, form in (('table.csv', 'ascii.csv'), ('commented.txt', 'ascii.commented_header'), ('fixed.txt', 'ascii.fixed_width'), ('tab.txt', 'ascii.tab')):
    ascii_only.write(name, format=form)
cols = [fits.Column(name='mjd', format='D25.16', array=ascii_only['mjd']), fits.Column(name='mag', format='D25.16', array=ascii_only['mag'].filled(99.0)),
        fits.Column(name='mag_err', format='D25.16', array=ascii_only['mag_err'].astype(float)), fits.Column(name='flux', format='D25.16', unit='uJy', array=ascii_only['flux']),
        fits.Column(name='filter', format='A5', array=np.array(ascii_only['filter'])), fits.Column(name='visit', format='I12', array=ascii_only['visit'].filled(-1), null='-1')]
fits.HDUList([fits.PrimaryHDU(), fits.TableHDU.from_columns(cols)]).writeto('ascii.fits')
for name in ('table.fits', 'table.csv', 'binary2.xml', 'comma.ecsv'):
    with open(name, 'rb') as f, gzip.open(name + '.gz', 'wb') as g: shutil.copyfileobj(f, g)
`

const writeTimes = `
times = {}
days = 58849.123456789 + np.arange(7) * 13.7
for scale in ('utc', 'tai', 'tt', 'tdb', 'tcb'):
    for form in ('mjd', 'jd', 'isot', 'iso'):
        t = Time(days, format='mjd', scale=scale, precision=9)
        t.format = form
        for kind in ('ecsv', 'fits'):
            name = 'time-' + scale + '-' + form + '.' + kind
            Table({'when': t, 'mag': np.arange(7) * u.mag}).write(name, overwrite=True)
            times[name] = [[int(round(float((x.jd1 - 2440587.5)) * 86400e6)), float(x.jd2) * 86400e6] for x in t.utc]
`

const writeSpectrum = `
h = fits.Header({'CTYPE1': 'WAVE', 'CRPIX1': 1.0, 'CRVAL1': 4000.0, 'CDELT1': 2.0, 'CUNIT1': 'Angstrom', 'BUNIT': 'Jy', 'MJD-OBS': 58000.5})
fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.arange(1, 6, dtype='int16').reshape(1, 5), header=h)]).writeto('spectrum.fits.fz')
`

// astropyFiles are files that astropy wrote, and what they hold according to astropy.
type astropyFiles struct {
	files map[string][]byte
	Rows  [][]any                 // of each table
	Times map[string][][2]float64 // days and the rest in microseconds, by file
}

var (
	astropyMu      sync.Mutex
	writtenAstropy *astropyFiles
)

// byAstropy returns the files, which astropy writes once for all tests.
func byAstropy(t *testing.T) *astropyFiles {
	t.Helper()
	astropyMu.Lock()
	defer astropyMu.Unlock()
	if writtenAstropy != nil {
		return writtenAstropy
	}
	folder := t.TempDir()
	out := &astropyFiles{files: map[string][]byte{}}
	script := writeTables + writeTimes + writeSpectrum + "import json\nprint(json.dumps({'rows': rows, 'times': " +
		"times}))"
	if err := json.Unmarshal(fitstest.Astropy(t, folder, script), out); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if out.files[e.Name()], err = os.ReadFile(filepath.Join(folder, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	writtenAstropy = out
	return out
}

// TestAstropyTables reads the same table in the formats that astropy writes, and compares every
// number with astropy's.
func TestAstropyTables(t *testing.T) {
	written, tables := byAstropy(t), 0
	want := written.Rows
	keys := []string{"mjd", "magnitude", "error", "flux", "visit", "filter"}
	for name, data := range written.files {
		if strings.HasPrefix(name, "time-") || strings.HasPrefix(name, "spectrum") {
			continue
		}
		tables++
		t.Run(name, func(t *testing.T) {
			points, report, err := process("photometry", name, data, Options{})
			if err != nil {
				t.Fatalf("%v; %+v", err, report)
			}
			if len(points) != len(want) {
				t.Fatalf("%d points, want %d", len(points), len(want))
			}
			for i, p := range points {
				var v map[string]any
				if err := json.Unmarshal(p.Value, &v); err != nil {
					t.Fatal(err)
				}
				for k, key := range keys {
					got, there := v[key]
					if key == "filter" && fmt.Sprint(got) == fmt.Sprint(want[i][k]) || !there && want[i][k] == nil {
						continue
					}
					if !there && key == "visit" && strings.HasPrefix(name, "binary") {
						continue // astropy cannot write a missing integer there
					}
					if a, ok := got.(float64); !ok || a != want[i][k] &&
						!(key == "error" && math.Abs(a-want[i][k].(float64)) < 1e-8) {
						t.Errorf("row %d, %s: got %v, want %v", i, key, got, want[i][k])
					}
				}
				if mjd := float64(p.Time)/86_400e6 + instant.MJDOfUnix; math.Abs(mjd-want[i][0].(float64)) > 1e-11 {
					t.Errorf("row %d: time %v, want %v", i, mjd, want[i][0])
				}
			}
		})
	}
	if tables < 14 {
		t.Errorf("%d tables", tables)
	}
}

// TestAstropyTimes reads columns of times that astropy wrote, exact to the microsecond, or to 50
// microseconds for TDB and TCB.
func TestAstropyTimes(t *testing.T) {
	written := byAstropy(t)
	if len(written.Times) != 40 {
		t.Fatalf("%d files", len(written.Times))
	}
	for name, times := range written.Times {
		points, report, err := process("photometry", name, written.files[name], Options{})
		if err != nil || len(points) != len(times) {
			t.Errorf("%s: %v, %d points, %+v", name, err, len(points), report)
			continue
		}
		allowed := 1.0
		if strings.HasPrefix(name, "time-tdb") || strings.HasPrefix(name, "time-tcb") {
			allowed = 50
		}
		if strings.Contains(name, "-jd.ecsv") {
			allowed += 41 // the precision of a float64
		}
		for i, p := range points {
			if d := float64(p.Time) - times[i][0] - times[i][1]; math.Abs(d) > allowed {
				t.Errorf("%s, row %d: %s is %g microseconds off", name, i, instant.Text(p.Time), d)
			}
		}
	}
}

const readTables = `
import sys, json
from astropy.table import Table
out = {}
for name, form in (('t.csv', 'ascii.csv'), ('t.ecsv', 'ascii.ecsv'), ('t.votable', 'votable'), ('t.fits', 'fits')):
    t = Table.read(name, format=form)
    rows = []
    for r in t:
        row = []
        for c in t.colnames:
            v = r[c]
            import numpy as np
            if np.ma.is_masked(v) or (isinstance(v, (float, np.floating)) and np.isnan(v)): row.append(None)
            elif isinstance(v, bytes): row.append(v.decode('utf-8') or None)
            elif isinstance(v, str): row.append(str(v) or None)
            else: row.append(v.item())
        rows.append(row)
    out[name] = {'names': t.colnames, 'units': [str(t[c].unit or '') for c in t.colnames], 'help': [str(t[c].description or '') for c in t.colnames], 'rows': rows}
print(json.dumps(out))
`

var exportSample = struct {
	columns []table.Column
	rows    [][]string
}{
	columns: []table.Column{
		{Name: "target", Description: "Name of the target", UCD: "meta.id;meta.main", Width: 12},
		{Name: "data_type", Description: "Type of data", Width: 10},
		{Name: "timestamp", Description: "Time, UTC, ISO 8601", Width: 27},
		{Name: "mjd", Unit: "d", Description: "Time, UTC, as modified Julian date", UCD: "time.epoch",
			Kind: table.Number, Time: true},
		{Name: "source_name", Description: "Source", Width: 6},
		{Name: "data_product", Description: "Id of the data product", Kind: table.Whole},
		{Name: "value.magnitude", Unit: "mag", Kind: table.Number}, {Name: "value.error", Unit: "mag",
			Kind: table.Number, Description: strings.Repeat("It's a long description. ", 8)},
		{Name: "value.filter", Width: 8}, {Name: "value.flux", Unit: "uJy",
			Kind: table.Number}, {Name: "value.note", Width: 30},
	},
	rows: [][]string{
		{"SN 2020abc", "photometry", "2020-01-01T12:00:00.123456Z", "58849.500001428889", "ATLAS", "7", "15.582",
			"0.005", "r", "", "a, \"b\" <c> & d"},
		{"SN 2020abc", "photometry", "2020-01-02T12:00:00Z", "58850.5", "ZTF", "", "15.582000000000003", "",
			"ρ′", "-3.5e-7", ""},
		{"SN 2020abc", "photometry", "2020-01-03T12:00:00Z", "58851.5", "", "9007199254740993", "", "", "",
			"12345.6789", "it's"},
	},
}

func exportAs(t *testing.T, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := table.NewWriter(format, &b,
		table.Head{Columns: exportSample.columns, Rows: int64(len(exportSample.rows))})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range exportSample.rows {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestExportReadByAstropy reads every format that is written with astropy: names, units,
// descriptions and cells.
func TestExportReadByAstropy(t *testing.T) {
	folder := t.TempDir()
	for _, format := range table.Formats {
		if err := os.WriteFile(filepath.Join(folder, "t."+format), exportAs(t, format), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got map[string]struct {
		Names, Units, Help []string
		Rows               [][]any
	}
	d := json.NewDecoder(bytes.NewReader(fitstest.Astropy(t, folder, readTables)))
	d.UseNumber()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	for _, format := range table.Formats {
		g := got["t."+format]
		if len(g.Rows) != len(exportSample.rows) {
			t.Fatalf("%s: %d rows", format, len(g.Rows))
		}
		for i, c := range exportSample.columns {
			if g.Names[i] != c.Name {
				t.Errorf("%s: column %q", format, g.Names[i])
			}
			if format != "csv" && (g.Units[i] != c.Unit || format != "fits" &&
				strings.TrimSpace(g.Help[i]) != strings.TrimSpace(c.Description)) {
				t.Errorf("%s: column %s: unit %q, description %q", format, c.Name, g.Units[i], g.Help[i])
			}
			for r, row := range exportSample.rows {
				cell := g.Rows[r][i]
				want := row[i]
				switch {
				case cell == nil && want == "", fmt.Sprint(cell) == want:
					continue
				case c.Kind == table.Number && cell != nil:
					a, _ := instant.ParseDecimal([]byte(fmt.Sprint(cell)))
					b, _ := instant.ParseDecimal([]byte(want))
					x, _ := a.Float()
					if y, _ := b.Float(); x == y {
						continue
					}
				case format == "csv" && cell == nil && c.Kind == table.Text:
					continue
				}
				t.Errorf("%s: row %d, column %s: %v, want %q", format, r, c.Name, cell, want)
			}
		}
	}
}

// TestExportRoundTrip reads exports and expects the same times, sources and values.
func TestExportRoundTrip(t *testing.T) {
	for _, format := range table.Formats {
		points, report, err := process("photometry", "t."+format, exportAs(t, format),
			Options{Names: []string{"sn2020ABC"}})
		if err != nil || len(points) != 3 {
			t.Fatalf("%s: %v, %+v", format, err, report)
		}
		want := []string{`{"magnitude":15.582,"error":0.005,"filter":"r","note":"a, \"b\" <c> & d"}`,
			`{"magnitude":15.582000000000003,"filter":"ρ′","flux":-3.5e-7,"flux_unit":"uJy"}`,
			`{"flux":12345.6789,"flux_unit":"uJy","note":"it's"}`}
		for i, p := range points {
			if v := strings.Replace(string(p.Value), "e-07", "e-7", 1); format != "csv" && v != want[i] ||
				format == "csv" && v != strings.Replace(want[i], `,"flux_unit":"uJy"`, "", 1) {
				t.Errorf("%s: %s, want %s", format, p.Value, want[i])
			}
			if p.Source != exportSample.rows[i][4] || p.Object != "SN 2020abc" ||
				instant.Text(p.Time) != exportSample.rows[i][2] {
				t.Errorf("%s: %+v", format, p)
			}
		}
	}
}

const readMutations = `
import sys, json, glob, numpy as np
from astropy.table import Table
form = {'fits': 'fits', 'xml': 'votable', 'ecsv': 'ascii.ecsv', 'csv': 'ascii.csv'}
out = {}
for name in glob.glob('*.*'):
    try:
        t = Table.read(name, format=form[name.split('.')[-1]])
        out[name] = {str(c): [None if np.ma.is_masked(v) or not np.isfinite(float(v)) else float(v) for v in t[c]] for c in t.colnames if t[c].ndim == 1 and t[c].dtype.kind in 'iuf'}
    except Exception as e:
        out[name] = None
print(json.dumps(out))
`

// TestMutationsAgainstAstropy changes tables at random. The numbers of those that are still read
// must be astropy's.
func TestMutationsAgainstAstropy(t *testing.T) {
	written := byAstropy(t)
	state := uint64(7)
	random := func(n int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int(state>>33) % max(n, 1)
	}
	type reading struct {
		column string
		values []float64
	}
	ours := map[string]reading{}
	bad := t.TempDir()
	for _, name := range []string{"table.fits", "ascii.fits", "tabledata.xml", "binary.xml", "binary2.xml",
		"comma.ecsv", "blank.ecsv", "table.csv"} {
		good := written.files[name]
		for i := range testenv.Choose(15, 100) {
			data := bytes.Clone(good)
			for range 1 + random(3) {
				data[random(len(data))] = good[random(len(good))]
			}
			points, report, err := process("photometry", name, data, Options{})
			if err != nil {
				continue
			}
			r := reading{}
			for _, c := range report.Columns {
				if c.Role == "magnitude" {
					r.column = c.Name
				}
			}
			for _, p := range points {
				var v struct{ Magnitude *float64 }
				if json.Unmarshal(p.Value, &v) == nil && v.Magnitude != nil {
					r.values = append(r.values, *v.Magnitude)
				}
			}
			file := fmt.Sprintf("%d-%s", i, name)
			ours[file] = r
			if err := os.WriteFile(filepath.Join(bad, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	var theirs map[string]map[string][]*float64
	if err := json.Unmarshal(fitstest.Astropy(t, bad, readMutations), &theirs); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for file, r := range ours {
		column, ok := theirs[file][r.column]
		if !ok {
			continue // astropy does not read it, or not as numbers
		}
		compared++
		at := 0
		for _, v := range r.values { // rows may have been left out
			for at < len(column) && (column[at] == nil || *column[at] != v) {
				at++
			}
			if at++; at > len(column) {
				t.Errorf("%s, column %s: %v is not what astropy reads", file, r.column, v)
				break
			}
		}
	}
	if compared < testenv.Choose(30, 100) {
		t.Errorf("only %d files compared", compared)
	}
	t.Logf("%d files read, %d of them by astropy", len(ours), compared)
}

package ingest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"nightjar/ingest/fits/fitstest"
)

// formatSamples has a small file for each format, by its name in Formats, a blank and the data
// type.
func formatSamples(t *testing.T) map[string][]byte {
	export := exportAs(t, "csv")
	multi := containers(t)
	samples := map[string][]byte{
		"FITS table photometry": multi[0], "VOTable photometry": multi[3], "ECSV photometry": multi[5],
		"AAVSO photometry": []byte(aavsoSample), "SNANA photometry": []byte(snanaSample),
		"Gaia Alerts photometry": []byte(gaiaSample), "ADES PSV photometry": []byte(adesSample),
		"ADES XML photometry": []byte(adesXMLSample), "AAVSO exoplanet report photometry": []byte(exoplanetSample),
		"MPC 80-column photometry": []byte(mpcLine("     K20A01B", "  C", "2020 01 31.43125", "10 20 30.12",
			"-02 07 24.4", "19.5", "G", "G96")),
		"IPAC table photometry": []byte(ipacSample), "MRT (CDS, AAS) photometry": []byte(mrtSample),
		"RDB photometry": []byte("mjd\tmag\tband\n10N\t5N\t2S\n61100.25\t18.10\tr\n61101.25\t\tr\n"),
		"IPAC table spectroscopy": []byte("\\DATE_OBS = '2026-03-01T06:00:00'\n|wavelength|flux  |flux_unc|\n" +
			"|double    |double|double  |\n|um        |Jy    |Jy      |\n 5.20       0.1230 0.0010\n" +
			" 5.21       null   0.0010\n"),
		"MRT (CDS, AAS) spectroscopy": []byte("Title: x\nByte-by-byte Description of file: s\n" +
			strings.Repeat("-", 80) + "\n   Bytes Format Units   Label   Explanations\n" + strings.Repeat("-", 80) +
			"\n   1-  6 F6.1   0.1nm   lambda  Wavelength\n   8- 13 F6.3   mJy     Flux    ?=-1 Flux\n" +
			strings.Repeat("-", 80) + "\n4000.0  1.250\n4001.0 -1.000\n"),
		"RDB spectroscopy": []byte("wavelength\tflux\nN\tN\n4000\t1.5\n4001\t1.25\n"),
		"delimited text photometry": []byte(
			"\xef\xbb\xbfMJD;Mag;Mag err;Band\r\nd;mag;mag;\r\n58000,5;15,25;0,05;\"r; wide\"\r\n58001,5;>19,5;;r\r\n"),
		"Nightjar export photometry": export,
		"ATLAS forced photometry photometry": []byte(
			"###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit mag5sig Sky Obs\n" +
				"59000.123456 18.1 0.05 210 10 o 0 1.02 150.0 2.0 5000.0 5000.0 2.5 2.4 45.0 -0.4 19.5 20.1 " +
				"02a59000o0001o\n59001.123456 -19.5 0.4 -57 21 c 0 1.02 150.0 2.0 5000.0 5000.0 2.5 2.4 45.0 -0.4 " +
				"19.5 20.1 02a59001o0001c\n"),
		"ZTF forced photometry photometry": []byte(
			"# Requested input R.A. = 150.0 degrees\nindex, field, filter, zpdiff, diffmaglim, jd, " +
				"forcediffimflux, forcediffimfluxunc\n0 600 ZTF_g 26.0 20.5 2459000.7 400.0 20.0\n1 600 ZTF_r " +
				"26.1 20.4 2459001.7 30.0 20.0\n"),
		"ZTF alert light curve (ALeRCE, Lasair) photometry": []byte(
			"candid,mjd,fid,magpsf,sigmapsf,diffmaglim,isdiffpos\n1,59000.1,1,18.5,0.05,20.5,t\n,59001.1,2,,,20.1,\n"),
		"ZTF alert light curve (ALeRCE) photometry": []byte(
			"oid,mjd,fid,mag,e_mag,mag_corr,isdiffpos\nZTF20abcdefg,59000.1,3,18.5,0.05,17.9,-1\n"),
		"ZTF non-detections (ALeRCE) photometry": []byte(
			"oid,mjd,fid,diffmaglim\nZTF20abcdefg,59000.1,2,20.5\n"),
		"Lasair light curve photometry": []byte(
			"MJD,filter,unforced_mag,unforced_mag_error,unforced_mag_status,forced_uJy,forced_uJy_error\n59000.1," +
				"g,18.5,0.05,positive diff,140,5\n59001.1,r,20.3,,non-detection,,\n"),
		"Pan-STARRS mean object photometry": []byte(
			"objID,epochMean,gMeanPSFMag,gMeanPSFMagErr,rMeanPSFMag,rMeanPSFMagErr\n1,56000.5,20.1,0.02,-999.0," +
				"-999.0\n2,56001.5,20.2,0.02,19.9,0.01\n"),
		"AAVSO download photometry": []byte(
			"JD,Magnitude,Uncertainty,Band,Observer Code,HJD,Star Name\n2459000.5,<12.5,,Vis.,ABC,2459000.503,SS " +
				"CYG\n2459001.5,8.62,0.02,V,ABC,,SS CYG\n"),
		"SNANA table photometry": []byte("MJD,BAND,FLUXCAL,FLUXCALERR,ZEROPT\n59000.5,g,1000,50,31.2\n" +
			"59001.5,r,-10,50,31.1\n"),
		"JSON photometry":                     []byte(alertJSON),
		"Open Supernova Catalog photometry":   []byte(openCatalogJSON),
		"Open Supernova Catalog spectroscopy": []byte(openCatalogJSON),
		"FITS image spectroscopy":             multi[2],
		"VOTable spectroscopy": []byte(
			"<VOTABLE><RESOURCE><TABLE><PARAM name='DATE-OBS' value='2018-02-15T10:20:30'/><FIELD name='spectral' " +
				"unit='nm' ucd='em.wl' datatype='double'/><FIELD name='flux' unit='Jy' ucd='phot.flux.density;" +
				"em.wl' datatype='double'/>" +
				"<DATA><TABLEDATA><TR><TD>400</TD><TD>1.5</TD></TR><TR><TD>401</TD><TD>1.25</TD></TR></TABLEDATA>" +
				"</DATA></TABLE></RESOURCE></VOTABLE>"),
		"ECSV spectroscopy": []byte(
			"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: wavelength, unit: nm, datatype: float64}\n# - {name: " +
				"flux, unit: Jy, datatype: float64}\n# meta: {DATE-OBS: '2018-02-15T10:20:30', AIRORVAC: air}\n" +
				"wavelength flux\n400.0 1.5\n401.0 1.25\n"),
		"spectrum text spectroscopy": []byte(
			"# SIMPLE  =                    T / conforms to FITS standard\n# OBJECT  = 'A star  '\n# DATE-OBS= " +
				"'2018-02-15T10:20:30' / start\n# BUNIT   = 'erg/cm2/s/A'\n4000.0 1.5e-15 1e-16\n4002.0 1.6e-15 " +
				"1e-16\n"),
	}
	maps.Copy(samples, dialectSamples())
	return samples
}

// TestEveryFormat reads a sample of each format and compares report and points with recorded ones,
// so that every row of docs/use/formats.md has a test.
func TestEveryFormat(t *testing.T) {
	samples := formatSamples(t)
	for _, f := range Formats() {
		key := f.Name + " " + f.DataType
		data, ok := samples[key]
		if !ok {
			t.Errorf("no sample of %s", key)
			continue
		}
		delete(samples, key)
		slug := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, strings.ToLower(key))
		compareReport(t, "testdata/reports/format-"+strings.ReplaceAll(slug, "--", "-")+".json", f.DataType,
			"sample", data, Options{})
		points, report, err := process(f.DataType, "sample", data, Options{})
		if err != nil || len(points) == 0 {
			t.Errorf("%s: %v", key, err)
		}
		want, _, _ := strings.Cut(f.Name, " ")
		if !strings.Contains(report.Format, want) {
			t.Errorf("%s was read as %q", key, report.Format)
		}
	}
	for key := range samples {
		t.Errorf("%s is not in Formats", key)
	}
}

// TestFormatsPage compares the tables of docs/use/formats.md with Formats; -update writes them.
func TestFormatsPage(t *testing.T) {
	const page = "../docs/use/formats.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, dataType := range []string{"photometry", "spectroscopy"} {
		var b bytes.Buffer
		b.WriteString("| Format | Recognised by | What becomes what | Units | Times | Refused |\n|---|---|---|---|" +
			"---|---|\n")
		for _, f := range Formats() {
			if f.DataType != dataType {
				continue
			}
			cells := []string{f.Name, f.RecognisedBy, f.Roles, f.Units, f.Time, f.Refused}
			for i, c := range cells {
				if c == "" {
					t.Errorf("%s: column %d is empty", f.Name, i+1)
				}
				cells[i] = strings.ReplaceAll(c, "|", "\\|")
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
		begin, end := "<!-- "+dataType+" -->\n", "<!-- end of "+dataType+" -->\n"
		before, rest, ok1 := strings.Cut(string(text), begin)
		got, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("%s has no place for %s", page, dataType)
		}
		if *update {
			text = []byte(before + begin + b.String() + end + after)
			if err := os.WriteFile(page, text, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got != b.String() {
			t.Errorf("%s: the table of %s differs from Formats; go test ./ingest -run FormatsPage -update writes it",
				page, dataType)
		}
	}
}

// TestMedium: air or vacuum is stored if the file says it.
func TestMedium(t *testing.T) {
	for _, c := range []struct{ card, want string }{
		{"AIRORVAC= 'air'", "air"}, {"AIRORVAC= 'vac'", "vacuum"}, {"VACUUM  =                    T",
			"vacuum"}, {"VACUUM  =                    F", "air"}, {"OTHER   = 'air'", ""},
	} {
		points, _, err := process("spectroscopy", "s.fits",
			fitstest.Spectrum([]int{2}, fitstest.With(fitstest.LinearWCS, c.card)...), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(points[0].Value), `"wavelength_medium":"`+c.want+`"`); got != (c.want != "") {
			t.Errorf("%s: %s", c.card, points[0].Value)
		}
	}
}

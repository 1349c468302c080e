package ingest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestBandColumns: what names of columns mean in a table with columns for each band. Case tells
// filters apart.
func TestBandColumns(t *testing.T) {
	for name, want := range map[string]string{
		"g": "g magnitude", "R": "R magnitude", "gerr": "g error", "e_g": "g error", "eg": "g error", "sV": "V error",
		"s_V": "V error", "dV": "V error",
		"gmag": "g magnitude", "Vmag": "V magnitude", "mag_g": "g magnitude", "m_g": "g magnitude",
		"g mag":  "g magnitude",
		"e_gmag": "g error", "g_mag_err": "g error", "magerr_g": "g error", "mag_err_Ks": "Ks error",
		"sigma_B": "B error",
		"w1mpro":  "w1 magnitude", "w1sigmpro": "w1 error", "flux_g": "g flux", "fluxerr_g": "g flux_error",
		"g_flux_err": "g flux_error", "l_gmag": "g is_limit", "g_limit": "g limit", "limmag_r": "r limit",
		"sdss_g": "sdss_g magnitude", "V_johnson_err": "V_johnson error", "ztfg": "ztfg magnitude",
		"g_upper_limit": "g is_limit", "Upper Limit V": "V is_limit", "g_is_limit": "g is_limit",
		"g_non_detection": "g is_limit", "r_limit_flag": "r is_limit", "g_is_upper_limit": "g is_limit",
		"g_detected": "g detected", "detection_r": "r detected", "g_detection_limit": "g limit", "K_s": "K error",
		"r'":        "r' magnitude",
		"F606W_mag": "F606W magnitude", "gp": "gp magnitude", "G_unc": "G error",
		"mag": "", "err": "", "e_mag": "", "limitmag": "", "x": "", "X": "", "B-V": "", "g-r": "", "ra": "", "dec": "",
		"zp": "", "r_gmag": "", "MAG_AUTO": "", "seeing_r": "", "": "", "_": "", "vega": "", "sigma": "", "flux": "",
	} {
		got := ""
		if c, ok := bandColumnOf(name); ok {
			got = c.band + " " + c.kind.String()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestWideTables: each row of a table with columns for each band gives one point for each band that
// has a value.
func TestWideTables(t *testing.T) {
	const two = `{"mjd":61100.2,"filter":"g","magnitude":19.26,"error":0.03}` + "\n" +
		`{"mjd":61100.2,"filter":"R","magnitude":19.31,"error":0.06}` + "\n" +
		`{"mjd":61101.2,"filter":"R","magnitude":19.41,"error":0.07}`
	rows := "61100.2,19.26,0.03,19.31,0.06\n61101.2,nan,nan,19.41,0.07\n"
	blanks := strings.ReplaceAll(rows, ",", " ")
	for _, c := range []struct{ name, text, want string }{
		{"names in a comment", "#MJD\tg\tgerr\tR\tRerr\n" + strings.ReplaceAll(rows, ",", "\t"), two},
		{"a units row", "mjd g g_err R R_err\nd mag mag mag mag\n" + blanks, two},
		{"units in brackets", "mjd,g (mag),g_err (mag),R (mag),R_err (mag)\n" + rows, two},
		{"errors behind", "mjd,g,err,R,err\n" + rows, two},
		{"another case of errors", "mjd,g,gErr,R,rerr\n" + rows, two},
		{"a word", "mjd,gmag,e_gmag,mag_R,magerr_R\n" + rows, two},
		{"no errors", "mjd,g,R\n61100.2,19.26,19.31\n61101.2,-999,>20\n",
			`{"mjd":61100.2,"filter":"g","magnitude":19.26}` +
				"\n" + `{"mjd":61100.2,"filter":"R","magnitude":19.31}` + "\n" +
				`{"mjd":61101.2,"filter":"R","limit":20}`},
		{"fluxes", "mjd,flux_g (mJy),fluxerr_g (mJy),flux_r (mJy),fluxerr_r (mJy),note\n61100.2,1.5,0.1,2.5,0.2,a\n",
			`{"mjd":61100.2,"note":"a","filter":"g","flux":1.5,"flux_unit":"mJy","flux_error":0.1}` + "\n" +
				`{"mjd":61100.2,"note":"a","filter":"r","flux":2.5,"flux_unit":"mJy","flux_error":0.2}`},
		{"fluxes that no magnitude can be", "mjd,flux_g,fluxerr_g,flux_r,fluxerr_r\n61100.2,150,3,-45.5,20\n" +
			"61101.2,-999,-999,41,2\n61102.2,99,3,nan,nan\n",
			`{"mjd":61100.2,"filter":"g","flux":150,"flux_error":3}` + "\n" +
				`{"mjd":61100.2,"filter":"r","flux":-45.5,"flux_error":20}` + "\n" +
				`{"mjd":61101.2,"filter":"r","flux":41,"flux_error":2}` + "\n" +
				`{"mjd":61102.2,"filter":"g","flux":99,"flux_error":3}`},
		{"one band", "JD,Vmag,e_Vmag,airmass\n2461100.75,12.5,0.01,1.2\n",
			`{"jd":2461100.75,"airmass":1.2,"filter":"V","magnitude":12.5,"error":0.01}`},
		{"limits", "mjd,gmag,e_gmag,g_limit,rmag,e_rmag,r_limit\n61100.2,,,20.5,18.1,0.1,21.0\n",
			`{"mjd":61100.2,"filter":"g","limit":20.5}` + "\n" +
				`{"mjd":61100.2,"filter":"r","magnitude":18.1,"error":0.1,"limit":21.0}`},
		{"WISE, whose limits have no errors", "mjd,w1mpro,w1sigmpro,w2mpro,w2sigmpro\n61100.2,12.1,0.02,13.5,null\n",
			`{"mjd":61100.2,"filter":"w1","magnitude":12.1,"error":0.02}` + "\n" +
				`{"mjd":61100.2,"filter":"w2","limit":13.5}`},
		{"flags", "mjd,g,gerr,r,rerr,g_upper_limit,r_upper_limit\n61100.2,18.1,0.1,19.5,,False,True\n",
			`{"mjd":61100.2,"filter":"g","magnitude":18.1,"error":0.1,"is_limit":"False"}` + "\n" +
				`{"mjd":61100.2,"filter":"r","limit":19.5,"is_limit":"True"}`},
		{"flags of detections", "mjd,g_mag,r_mag,g_detected,r_detected\n61100.2,18.1,19.5,1,0\n",
			`{"mjd":61100.2,"filter":"g","magnitude":18.1,"detected":1}` + "\n" +
				`{"mjd":61100.2,"filter":"r","limit":19.5,"detected":0}`},
		{"limits as numbers", "mjd,g,gerr,g_upper_limit\n61100.2,18.1,0.1,20.5\n61101.2,,,20.6\n",
			`{"mjd":61100.2,"filter":"g","magnitude":18.1,"error":0.1,"limit":20.5}` + "\n" +
				`{"mjd":61101.2,"filter":"g","limit":20.6}`},
		{"K_s", "mjd,J,J_err,K_s,K_err\n61100.2,18.1,0.1,17.5,0.2\n",
			`{"mjd":61100.2,"filter":"J","magnitude":18.1,"error":0.1}` + "\n" +
				`{"mjd":61100.2,"filter":"K_s","magnitude":17.5,"error":0.2}`},
		{"errors called s", "mjd,J,J_s,K,K_s\n61100.2,18.1,0.1,17.5,0.2\n",
			`{"mjd":61100.2,"filter":"J","magnitude":18.1,"error":0.1}` + "\n" +
				`{"mjd":61100.2,"filter":"K","magnitude":17.5,"error":0.2}`},
		{"JSON",
			`[{"mjd":61100.2,"g":19.26,"g_err":0.03,"R":19.31,"R_err":0.06},` +
				`{"mjd":61101.2,"R":19.41,"R_err":0.07}]`, two},
	} {
		points, report, err := process("photometry", "t.txt", []byte(c.text), Options{})
		if err != nil || values(points) != c.want {
			t.Errorf("%s: %v %v, got\n%s", c.name, err, report.Warnings, values(points))
		}
		if !strings.Contains(strings.Join(report.Warnings, "\n"), "each row gives one point for each of these bands") {
			t.Errorf("%s: %v", c.name, report.Warnings)
		}
	}
}

// TestWideRows: an empty row is counted, a row of another length keeps its line, and lines are
// those of the file.
func TestWideRows(t *testing.T) {
	const header = "mjd,g,gerr,r,rerr\n"
	points, report, err := process("photometry", "t.csv", []byte(header+"61100,18.1,0.1,18.2,0.1\n61101,,,nan,\n"),
		Options{})
	if err != nil || len(points) != 2 || points[1].Line != 2 || report.RejectedCount != 1 ||
		report.Rejected[0].String() != "line 3: the row has no value in any band" {
		t.Errorf("%v %+v", err, report)
	}
	points, report, err = process("photometry", "t.csv",
		[]byte("mjd,V,Verr,airmass,seeing\n61100,18.1,0.1,1,2\n61101,,,1,2\n61102,99.9,9.9,1,2\n"), Options{})
	if err != nil || len(points) != 1 || report.RejectedCount != 2 ||
		report.Rejected[1].String() != "line 4: the row has no value in any band" {
		t.Errorf("%v %+v", err, report)
	}
	for _, c := range []struct{ rows, want string }{
		{"61100,18.1,0.1,18.2\n", "line 2: 4 fields where the header has 5 columns"},
		{"61100,18.1,0.1,x,0.1\n", "line 2, column magnitude: 'x' is not a number"},
		{"x,18.1,0.1,18.2,0.1\n", "line 2, column mjd: 'x' is not a time"},
	} {
		if _, _, err := process("photometry", "t.csv", []byte(header+c.rows), Options{}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.rows, err)
		}
	}
}

// TestUnitsOfBands: the columns of all bands have one unit, however it is spelt, or the table is
// refused.
func TestUnitsOfBands(t *testing.T) {
	const row = "61100.2,150,3,0.2,0.01\n"
	for _, c := range []struct{ text, want, problem string }{
		{text: "mjd,flux_g (uJy),fluxerr_g (uJy),flux_r (microJy),fluxerr_r (microJy)\n" + row,
			want: `{"mjd":61100.2,"filter":"g","flux":150,"flux_unit":"uJy","flux_error":3}` + "\n" +
				`{"mjd":61100.2,"filter":"r","flux":0.2,"flux_unit":"uJy","flux_error":0.01}`},
		{text: "mjd,flux_g (uJy),fluxerr_g (uJy),flux_r (mJy),fluxerr_r (uJy)\n" + row,
			problem: "the columns 'flux_g (uJy)', 'flux_r (mJy)' of two bands are in different units, uJy and mJy"},
		{text: "mjd flux_g fluxerr_g flux_r fluxerr_r\nd uJy uJy uJy mJy\n" + strings.ReplaceAll(row, ",", " "),
			problem: "the columns 'fluxerr_g', 'fluxerr_r' of two bands are in different units, uJy and mJy"},
		{text: "mjd,mag_g (mag),mag_r (mmag)\n61100.2,18.5,17000\n",
			problem: "the columns 'mag_g (mag)', 'mag_r (mmag)' of two bands are in different units, mag and mmag"},
	} {
		points, report, err := process("photometry", "t.csv", []byte(c.text), Options{})
		refused := fmt.Sprint(report.Errors)
		if (err == nil) != (c.problem == "") || c.problem != "" && !strings.Contains(refused, c.problem) ||
			c.problem == "" && values(points) != c.want {
			t.Errorf("%s: %v, %s, got %s", c.text, err, refused, values(points))
		}
	}
}

// TestNotWide: columns that may be something else are not taken for bands.
func TestNotWide(t *testing.T) {
	for name, text := range map[string]string{
		"places":                 "mjd,x,y,z\n61100.5,1.5,2.5,3.5\n",
		"places in capitals":     "mjd,X,Y,Z\n61100.5,1.5,2.5,3.5\n",
		"a redshift and a band":  "mjd,g,z\n61100.5,18.5,\n61100.5,18.5,-0.01\n",
		"whole numbers":          "mjd,i,r\n61100.5,1,2\n",
		"one band without error": "mjd,V\n61100.5,12.5\n",
		"one error for two":      "mjd,g,r,err\n61100.5,18.5,18.6,0.1\n",
		"texts":                  "mjd,g,r\n61100.5,a,b\n",
		"a band twice":           "mjd,gmag,e_gmag,mag_g,magerr_g\n61100.5,18.5,0.1,18.5,0.1\n",
		"images of a lens":       "mhjd,mag_A,mag_A_err,mag_B,mag_B_err\n61100.5,18.5,0.1,18.5,0.1\n",
		"images, joined":         "mjd,magA,magerrA,magB,magerrB\n61100.5,18.5,0.1,18.5,0.1\n",
		"images alone":           "mjd,A,Aerr,B,Berr\n61100.5,18.5,0.1,18.5,0.1\n",
		"no time":                "a,g,gerr,r,rerr\n61100.5,18.5,0.1,18.5,0.1\n",
	} {
		if points, _, err := process("photometry", "t.csv", []byte(text), Options{}); err == nil {
			t.Errorf("%s: read as %s", name, values(points))
		}
	}
	for _, c := range []struct{ text, want string }{
		{"mjd,filter,mag,g,gerr\n61100.5,r,18,1.5,0.1\n",
			`{"mjd":61100.5,"filter":"r","magnitude":18,"g":1.5,"gerr":0.1}`},
		{"mjd,mag,err,z\n61100.5,18,0.1,0.05\n", `{"mjd":61100.5,"magnitude":18,"error":0.1,"z":0.05}`},
	} {
		if points, _, err := process("photometry", "t.csv", []byte(c.text), Options{}); err != nil ||
			values(points) != c.want {
			t.Errorf("%s: %v, got %s", c.text, err, values(points))
		}
	}
	points, _, err := process("photometry", "t.csv", []byte("mjd,g,gerr,r,rerr\n61100.5,18.5,0.1,18.6,0.1\n"),
		Options{Columns: map[string]string{"magnitude": "g", "error": "gerr"}})
	if err != nil || values(points) != `{"mjd":61100.5,"magnitude":18.5,"error":0.1,"r":18.6,"rerr":0.1}` {
		t.Errorf("%v, got %s", err, values(points))
	}
}

// TestWideAsLong: a table with columns for each band gives the points of the same table with a
// column filter, whatever its numbers are.
func TestWideAsLong(t *testing.T) {
	const seed = 14
	r := rand.New(rand.NewPCG(seed, seed))
	cells := []string{"", "nan", "-999", "99", "99.99", "0", "150", "-45.5", "1e5", "0.001", "18.25", "17", "-3", "41",
		"9999"}
	for _, kinds := range [][]string{{"mag", "magerr"}, {"flux", "fluxerr"}, {"mag", "magerr", "limit"}} {
		for range 200 {
			wide, long := "mjd", "mjd,filter,"+strings.Join(kinds, ",")+"\n"
			for _, band := range []string{"g", "r", "i"} {
				for _, kind := range kinds {
					wide += "," + kind + "_" + band
				}
			}
			wide += "\n"
			for day := range 3 {
				wide += fmt.Sprintf("%d.5", 61100+day)
				for _, band := range []string{"g", "r", "i"} {
					row := ""
					for _, kind := range kinds {
						cell := cells[r.IntN(len(cells))]
						if kind == "magerr" {
							cell = []string{"", "0.1", "0.05", "nan"}[r.IntN(4)]
						}
						row += "," + cell
					}
					wide, long = wide+row, long+fmt.Sprintf("%d.5,%s", 61100+day, band)+row+"\n"
				}
				wide += "\n"
			}
			want, _, longErr := process("photometry", "t.csv", []byte(long), Options{})
			got, _, err := process("photometry", "t.csv", []byte(wide), Options{})
			if (err == nil) != (longErr == nil) || values(got) != values(want) {
				t.Fatalf("%s\n%v, got\n%s\n\n%s\n%v, got\n%s", wide, err, values(got), long, longErr, values(want))
			}
		}
	}
}

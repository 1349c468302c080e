package ingest

import "testing"

// TestUnnamedMagnitudes: rows with a magnitude in a column that is not known are not stored as
// limits.
func TestUnnamedMagnitudes(t *testing.T) {
	for _, c := range []photometryCase{
		{name: "refused", text: "mjd,filter,mag_psf,magerr_psf,limmag\n58000.5,q,18.5,0.05,20.1\n",
			errors: []string{"line 1, column mag_psf: the table has limits, and this column may hold its " +
				"magnitudes; name the column of magnitudes with columns, as magnitude=mag_psf"}},
		{name: "only limits", text: "mjd,filter,limmag,magzp,mag_err,image_mag,delta_mag\n58000.5,q,20.1,26.2,3,4," +
			"0.5\n",
			values: []string{`{"mjd":58000.5,"filter":"q","limit":20.1,"magzp":26.2,"error":3,"image_mag":4,` +
				`"delta_mag":0.5}`}, warnings: []string{"1 error above 1 mag"}},
		{name: "a magnitude", text: "mjd,filter,limmag,mag,mag_aper\n58000.5,q,20.1,18.5,18.6\n",
			values: []string{`{"mjd":58000.5,"filter":"q","limit":20.1,"magnitude":18.5,"mag_aper":18.6}`}},
	} {
		t.Run(c.name, c.run)
	}
	points, _, err := process("photometry", "x.csv",
		[]byte("mjd,filter,mag_psf,limmag\n58000.5,q,18.5,20.1\n"),
		Options{Columns: map[string]string{"magnitude": "mag_psf"}})
	if err != nil || values(points) != `{"mjd":58000.5,"filter":"q","magnitude":18.5,"limit":20.1}` {
		t.Errorf("%s %v", values(points), err)
	}
}

package ingest

import (
	"errors"
	"strings"
	"testing"
)

// TestBrightnessColumn: the unit beside a brightness decides whether it is a magnitude or a flux.
func TestBrightnessColumn(t *testing.T) {
	read := func(content string, o Options) (values []string, report Report, err error) {
		report, err = NewProcessors().Process(t.Context(), "photometry", File{Name: "a.csv", Size: int64(len(content)),
			Content: strings.NewReader(content)}, o, func(p Point) error {
			values = append(values, string(p.Value))
			return nil
		})
		return values, report, err
	}
	const head = "date_obs,bandpass,brightness,brightness_error,brightness_unit\n"
	for _, c := range []struct{ content, want string }{
		{head + "2026-01-01T00:00:00,r,17.5,0.1,AB mag\n", `"magnitude":17.5,"error":0.1`},
		{head + "2026-01-01T00:00:00,r,17.5,0.1,\n", `"magnitude":17.5,"error":0.1`},
		{head + "2026-01-01T00:00:00,r,1.5,0.1,mJy\n", `"flux":1.5,"flux_error":0.1,"flux_unit":"mJy"`},
		{"mjd,bandpass,brightness,error,unit\n61000,r,1.5,0.1,uJy\n", `"flux":1.5,"flux_error":0.1,"flux_unit":"uJy"`},
		{"mjd,filter,magnitude,error,unit\n61000,r,15,0.1,uJy\n", `"magnitude":15,"error":0.1,"unit":"uJy"`},
	} {
		values, report, err := read(c.content, Options{})
		if err != nil || len(values) != 1 || !strings.Contains(values[0], c.want) {
			t.Errorf("%s: %v, %s, want %s; %+v", c.content, err, values, c.want, report.Errors)
		}
	}
	for _, c := range []struct{ content, why string }{
		{head + "2026-01-01T00:00:00,r,17.5,0.1,mag\n2026-01-02T00:00:00,r,1.5,0.1,mJy\n",
			"line 3, column brightness_unit: 'mJy' is no unit of magnitudes"},
		{head + "2026-01-01T00:00:00,r,1.5,0.1,mJy\n2026-01-02T00:00:00,r,17.5,0.1,mag\n",
			"line 3, column brightness_unit: 'mag' is a unit of magnitudes"},
		{head + "2026-01-01T00:00:00,r,1.5,0.1,widgets\n", "its unit 'widgets' is not known"},
	} {
		_, report, err := read(c.content, Options{})
		var refused *Error
		if !errors.As(err, &refused) || !strings.Contains(report.Errors[0].String(), c.why) {
			t.Errorf("%s: %v, want %s", c.content, err, c.why)
		}
	}
	if values, _, err := read(head+"2026-01-01T00:00:00,r,1.5,0.1,widgets\n",
		Options{Columns: map[string]string{"flux": "brightness", "flux_error": "brightness_error"}}); err != nil ||
		!strings.Contains(values[0], `"flux":1.5,"flux_error":0.1`) {
		t.Errorf("named by the user: %v, %s", err, values)
	}
}

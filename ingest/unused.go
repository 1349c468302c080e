package ingest

import (
	"fmt"
	"slices"
)

// optionTypes are the data types for which options of an upload mean something.
var optionTypes = []struct {
	field string
	given func(o *Options) bool
	types []string
}{
	{"date_obs", func(o *Options) bool { return o.DateObs != "" }, []string{"spectroscopy"}},
	{"flux_scale", func(o *Options) bool { return o.FluxScale != 0 }, []string{"photometry", "spectroscopy"}},
	{"flux_unit", func(o *Options) bool { return o.FluxUnit != "" }, []string{"photometry"}},
	{"zero_point", func(o *Options) bool { return o.ZeroPoint != "" }, []string{"photometry"}},
	{"images", func(o *Options) bool { return o.Images != "" }, []string{"photometry"}},
	{"time_column", func(o *Options) bool { return o.TimeColumn != "" }, []string{"photometry"}},
	{"time_format", func(o *Options) bool { return o.TimeFormat != "" }, []string{"photometry"}},
	{"columns", func(o *Options) bool { return len(o.Columns) > 0 }, []string{"photometry", "spectroscopy"}},
}

// Unused returns a warning for each option that an upload gives and that means nothing for its data
// type, which the content may have decided.
func (o *Options) Unused(dataType string) []string {
	var out []string
	for _, f := range optionTypes {
		if f.given(o) && !slices.Contains(f.types, dataType) {
			out = append(out, fmt.Sprintf("%s was not used: the file was taken as %s", f.field, dataType))
		}
	}
	return out
}

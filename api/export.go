package api

import (
	"net/http"
	"slices"
	"strconv"

	"nightjar/archive"
)

// exportFormats are the forms in which a whole list can be had as a table, with format=.
var exportFormats = []string{"csv", "ecsv", "votable", "ndjson"}

var exportTypes = map[string]string{"csv": "text/csv; charset=utf-8", "ecsv": "text/plain; charset=utf-8",
	"votable": "application/x-votable+xml", "ndjson": typeNDJSON}

// stream sends what is written to it as it comes.
type stream struct {
	r    *request
	kind string
	buf  []byte
	sent bool
}

func (s *stream) flush() error {
	if len(s.buf) < flushAt {
		return nil
	}
	return s.send()
}

func (s *stream) send() error {
	if !s.sent {
		s.sent = true
		s.r.w.Header().Set("Content-Type", s.kind)
		s.r.w.WriteHeader(http.StatusOK)
	}
	_, err := s.r.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// line adds a line that holds an object.
func (s *stream) line(fn func(w *writer)) {
	w := writer{buf: s.buf}
	w.object(func() { fn(&w) })
	s.buf = append(w.buf, '\n')
}

// streamed runs fn, which fills s, and ends the answer.
func (r *request) streamed(kind string, fn func(s *stream) error) (*answer, error) {
	s := &stream{r: r, kind: kind}
	if err := fn(s); err != nil {
		if s.sent {
			r.api.o.Log.Error("an export ended early", "path", r.URL.Path, "error", err)
			panic(http.ErrAbortHandler)
		}
		return nil, err
	}
	return &answer{sent: true}, s.send()
}

// exportDatums sends all data that a filter lets through, by target and time.
func exportDatums(r *request, format string) (*answer, error) {
	f, err := parseDatumFilter(r)
	if err != nil {
		return nil, err
	}
	return r.streamed(exportTypes[format], func(s *stream) error {
		if format == "ndjson" {
			return r.access.Export(r.Context(), f, nil, archive.Out[archive.ExportView]{
				Begin: func(archive.Extent) error { return nil },
				Row:   func(v *archive.ExportView) error { s.buf = appendDatumLine(s.buf, v); return nil },
				Flush: s.flush,
			})
		}
		return r.exportTable(f, format, s)
	})
}

// appendDatumLine writes a datum as it can be posted again.
func appendDatumLine(dst []byte, v *archive.ExportView) []byte {
	w := writer{buf: dst}
	w.open('{')
	w.textMember("target_name", v.TargetName)
	w.textMember("data_type", v.Type)
	w.textMember("source_name", v.Source)
	w.textMember("source_location", v.Location)
	w.timeMember("timestamp", v.Time)
	w.key("value")
	w.raw(v.Value)
	w.end('}')
	return append(w.buf, '\n')
}

// valueColumn is a key of the values of an export.
type valueColumn struct {
	key    string
	number bool // all that was seen are numbers
}

func (r *request) exportTable(f archive.DatumFilter, format string, s *stream) error {
	columns := []tableColumn{
		{name: "target", help: "Name of the target"}, {name: "data_type", help: "Type of data"},
		{name: "timestamp", help: "Time, UTC, ISO 8601"}, {name: "mjd", unit: "d", help: "Time, UTC, as modified Julian date", number: true},
		{name: "source_name", help: "Source"}, {name: "source_location", help: "Where the source had it"}, {name: "data_product", help: "Id of the data product", number: true, whole: true},
	}
	fixed := len(columns)
	var values []valueColumn
	bare := false // there is a value that is not an object
	look := func(v *archive.DatumView) error {
		members, ok := archive.ValueMembers(v.Value)
		bare = bare || !ok
		for _, m := range members {
			at := slices.IndexFunc(values, func(c valueColumn) bool { return c.key == m.Key })
			if at < 0 {
				at = len(values)
				values = append(values, valueColumn{m.Key, true})
			}
			if k := m.Value.Kind(); k != '0' && k != 'n' {
				values[at].number = false
			}
		}
		return nil
	}
	t := newTable(format, s)
	err := r.access.Export(r.Context(), f, look, archive.Out[archive.ExportView]{
		Begin: func(archive.Extent) error {
			if bare {
				columns = append(columns, tableColumn{name: "value", help: "The datum's value, JSON"})
			}
			for _, c := range values {
				columns = append(columns, tableColumn{name: "value." + c.key, number: c.number})
			}
			t.head(columns)
			return nil
		},
		Row: func(v *archive.ExportView) error {
			cells := make([]cell, len(columns))
			cells[0].text, cells[1].text = v.TargetName, v.Type
			cells[2].text, cells[3].text = string(appendTime(nil, v.Time)), archive.MJD(v.Time)
			cells[4].text, cells[5].text = v.Source, v.Location
			if v.Product != 0 {
				cells[6].text = strconv.FormatUint(v.Product, 10)
			}
			first := fixed
			members, ok := archive.ValueMembers(v.Value)
			if bare {
				if first++; !ok {
					cells[fixed].text = string(v.Value)
				}
			}
			for _, m := range members {
				if at := slices.IndexFunc(values, func(c valueColumn) bool { return c.key == m.Key }); at >= 0 {
					cells[first+at].text = cellText(m.Value)
				}
			}
			t.row(cells)
			return nil
		},
		Flush: s.flush,
	})
	if err == nil {
		t.foot()
	}
	return err
}

// cellText is a value of JSON as it stands in a cell.
func cellText(v archive.JSON) string {
	switch v.Kind() {
	case '"':
		return v.Text()
	case 'n':
		return ""
	}
	return string(v)
}

// exportTargets sends all targets that a filter lets through, as a TOM exports them: aliases as name2, name3 and so on, tags as columns of their own.
func exportTargets(r *request, format string) (*answer, error) {
	f, err := parseTargetFilter(r)
	if err != nil {
		return nil, err
	}
	all := archive.Page{Limit: maxLimit}
	nothing := func() error { return nil }
	return r.streamed(exportTypes[format], func(s *stream) error {
		aliases := 0
		var extras []string
		used := map[string]bool{}
		err := r.access.Targets(r.Context(), f, all, archive.Out[archive.TargetView]{
			Begin: func(archive.Extent) error { return nil },
			Row: func(v *archive.TargetView) error {
				aliases = max(aliases, len(v.Aliases))
				for _, e := range v.Extras {
					if !slices.Contains(extras, e.Key) {
						extras = append(extras, e.Key)
					}
				}
				for _, n := range archive.Numbers {
					used[n.Name] = used[n.Name] || *n.Of(v.Target) != nil
				}
				used["scheme"] = used["scheme"] || v.Scheme != ""
				return nil
			},
			Flush: nothing,
		})
		if err != nil {
			return err
		}
		columns := []tableColumn{{name: "name", help: "Name"}, {name: "type", help: "Type of target"}}
		var numbers []archive.Number
		for _, n := range archive.Numbers {
			if used[n.Name] {
				numbers = append(numbers, n)
				columns = append(columns, tableColumn{name: n.Name, help: numberHelp[n.Name][0] + ". " + numberHelp[n.Name][1], number: true, unit: numberUnits[n.Name]})
			}
		}
		if used["scheme"] {
			columns = append(columns, tableColumn{name: "scheme", help: "Scheme of the orbital elements"})
		}
		columns = append(columns, tableColumn{name: "permissions", help: "Who sees the target"})
		for i := range aliases {
			columns = append(columns, tableColumn{name: "name" + strconv.Itoa(i+2), help: "Alias"})
		}
		columns = append(columns, tableColumn{name: "groups", help: "Groups with rights on the target, separated by semicolons"})
		for _, key := range extras {
			columns = append(columns, tableColumn{name: key, help: "Tag"})
		}
		t := newTable(format, s)
		t.head(columns)
		cells := make([]cell, len(columns))
		err = r.access.Targets(r.Context(), f, all, archive.Out[archive.TargetView]{
			Begin: func(archive.Extent) error { return nil },
			Row: func(v *archive.TargetView) error {
				clear(cells)
				next := 0
				put := func(text string) { cells[next].text = text; next++ }
				put(v.Name)
				put(v.Type)
				for _, n := range numbers {
					text := ""
					if x := *n.Of(v.Target); x != nil {
						text = string(appendFloat(nil, *x))
					}
					put(text)
				}
				if used["scheme"] {
					put(v.Scheme)
				}
				put(string(v.Access))
				for i := range aliases {
					text := ""
					if i < len(v.Aliases) {
						text = v.Aliases[i].Name
					}
					put(text)
				}
				groups := ""
				for i, g := range v.Groups {
					if i > 0 {
						groups += ";"
					}
					groups += g.Name
				}
				put(groups)
				for _, key := range extras {
					text := ""
					for _, e := range v.Extras {
						if e.Key == key {
							text = e.Value
						}
					}
					put(text)
				}
				t.row(cells)
				return nil
			},
			Flush: s.flush,
		})
		if err == nil {
			t.foot()
		}
		return err
	})
}

// numberUnits are the units of a target's numbers as astropy.units spells them.
var numberUnits = map[string]string{"ra": "deg", "dec": "deg", "epoch": "yr", "parallax": "mas", "pm_ra": "mas / yr", "pm_dec": "mas / yr", "galactic_lng": "deg", "galactic_lat": "deg",
	"distance": "pc", "distance_err": "pc", "epoch_of_elements": "d", "mean_anomaly": "deg", "arg_of_perihelion": "deg", "lng_asc_node": "deg", "inclination": "deg",
	"mean_daily_motion": "deg / d", "semimajor_axis": "AU", "epoch_of_perihelion": "d", "ephemeris_period": "d", "ephemeris_period_err": "d", "ephemeris_epoch": "d", "ephemeris_epoch_err": "d",
	"perihdist": "AU", "abs_mag": "mag"}

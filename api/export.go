package api

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/ingest"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// exportFormats are the forms in which a whole list can be had as a table, with format=.
var exportFormats = []string{"csv", "ecsv", "votable", "fits", "ndjson"}

var exportTypes = map[string]string{"csv": "text/csv; charset=utf-8", "ecsv": "text/plain; charset=utf-8",
	"votable": "application/x-votable+xml", "fits": "application/fits", "ndjson": typeNDJSON}

// stream sends what is written to it as it comes.
type stream struct {
	r    *request
	kind string
	buf  []byte
	sent bool
}

// full reports that much was gathered.
func (s *stream) full() bool { return len(s.buf) >= flushAt }

func (s *stream) flush() error {
	if !s.full() {
		return nil
	}
	if err := s.r.takeLong(); err != nil {
		return err
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
func (s *stream) line(fn func(w *wire.Writer)) {
	w := wire.Writer{Buf: s.buf}
	w.Object(func() { fn(&w) })
	s.buf = append(w.Buf, '\n')
}

// streamed runs fn, which fills s, and ends the answer.
func (r *request) streamed(kind string, fn func(s *stream) error) (*answer, error) {
	s := &stream{r: r, kind: kind}
	if err := fn(s); err != nil {
		if s.sent {
			r.api.breakOff(r.Request, err)
		}
		return nil, err
	}
	return &answer{sent: true}, s.send()
}

// gatherers is how many exports of data gather their rows at once. That takes some twenty times the
// memory of sending them, and no longer than the node takes, however slow the client is.
const gatherers = 3

// gather begins the part of an export before its first row. The function that is returned ends it,
// and may be called again.
func (r *request) gather() (end func(), err error) {
	select {
	case r.api.gathering <- struct{}{}:
		return sync.OnceFunc(func() { <-r.api.gathering }), nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// exportDatums sends all data that a filter lets through, by target and time.
func exportDatums(r *request, format string) (*answer, error) {
	f, err := parseDatumFilter(r)
	if err != nil {
		return nil, err
	}
	inUnits, err := r.rowsInUnits()
	if err != nil {
		return nil, err
	}
	gathered, err := r.gather()
	if err != nil {
		return nil, err
	}
	defer gathered()
	return r.streamed(exportTypes[format], func(s *stream) error {
		if format == "ndjson" {
			return r.access.Export(r.Context(), f, nil, archive.Out[archive.ExportView]{
				Begin: func(archive.Extent) error { gathered(); return nil },
				Row: func(v *archive.ExportView) error {
					inUnits(&v.DatumView)
					s.buf = appendDatumLine(s.buf, v)
					return nil
				},
				Flush: s.flush,
				Full:  s.full,
			})
		}
		return r.exportTable(f, format, inUnits, gathered, s)
	})
}

// appendDatumLine writes a datum as it can be posted again.
func appendDatumLine(dst []byte, v *archive.ExportView) []byte {
	w := wire.Writer{Buf: dst}
	w.Open('{')
	w.TextMember("target_name", v.TargetName)
	w.TextMember("data_type", v.Type)
	w.TextMember("source_name", v.Source)
	w.TextMember("source_location", v.Location)
	w.TimeMember("timestamp", v.Time)
	w.Key("value")
	w.Raw(v.Value)
	w.End('}')
	return append(w.Buf, '\n')
}

// valueColumn is a key of the values of an export.
type valueColumn struct {
	key    string
	number bool // all that was seen are numbers
	width  int  // of the longest text
}

// valueHelp is what is known of members of values: unit, description and UCD.
var valueHelp = map[string][3]string{
	"magnitude": {"mag", "Magnitude", "phot.mag"}, "error": {"mag", "Error of the magnitude",
		"stat.error;phot.mag"}, "limit": {"mag", "Limiting magnitude", "phot.mag;stat.max"},
	"differential_magnitude": {"mag", "Magnitude against a comparison star", "phot.mag;arith.diff"}, "filter": {"",
		"Filter", "instr.filter"},
	"flux": {"", "Flux, in flux_unit", "phot.flux"}, "flux_error": {"", "Error of the flux, in flux_unit",
		"stat.error;phot.flux"}, "zero_point": {"mag", "Zero point of the flux", "phot.mag;arith.zp"},
	"magsys": {"", "System of the magnitudes", ""}, "telescope": {"", "Telescope", "instr.tel"}, "instrument": {"",
		"Instrument", "instr"},
}

// maxValueColumns is how many members of values get columns of their own: FITS has 999 columns at
// most, and one datum of very many members must not make all rows as wide. A value with others is
// given whole, as one that is no object.
const maxValueColumns = 900

func (r *request) exportTable(f archive.DatumFilter, format string, inUnits func(*archive.DatumView), gathered func(),
	s *stream) error {
	columns := []tableColumn{
		{name: "target", help: "Name of the target", ucd: "meta.id;src"}, {name: "data_type", help: "Type of data"},
		{name: "timestamp", help: "Time, UTC, ISO 8601", width: len("2006-01-02T15:04:05.000000Z")},
		{name: "mjd", unit: "d", help: "Time, UTC, as modified Julian date", ucd: "time.epoch", number: true},
		{name: "source_name", help: "Source"}, {name: "source_location",
			help: "Where the source had it"},
		{name: "data_product", help: "Id of the data product", number: true, whole: true},
	}
	fixed := len(columns)
	var values []valueColumn
	at := map[string]int{} // of a member's key in values
	bare, wide := false, 0 // there is a value that is not an object, and how wide the widest is
	seen := map[uint64]bool{}
	look := func(v *archive.DatumView) error {
		inUnits(v)
		for i, text := range map[int]string{1: v.Type, 4: v.Source, 5: v.Location} {
			columns[i].width = max(columns[i].width, len(text))
		}
		seen[v.Target] = true
		members, ok := ingest.ValueMembers(v.Value)
		fresh := 0
		for _, m := range members {
			if _, there := at[m.Key]; !there {
				fresh++
			}
		}
		if !ok || len(values)+fresh > maxValueColumns {
			bare, wide = true, max(wide, len(v.Value))
			return nil
		}
		for _, m := range members {
			i, there := at[m.Key]
			if !there {
				i = len(values)
				at[m.Key], values = i, append(values, valueColumn{m.Key, true, 0})
			}
			if k := m.Value.Kind(); k != '0' && k != 'n' {
				values[i].number = false
			}
			values[i].width = max(values[i].width, len(cellText(m.Value)))
		}
		return nil
	}
	t := newTable(format, s)
	err := r.access.Export(r.Context(), f, look, archive.Out[archive.ExportView]{
		Begin: func(e archive.Extent) error {
			gathered()
			if format == "fits" {
				for id := range seen {
					if v, err := r.access.Target(id); err == nil { // one that went meanwhile has no rows
						columns[0].width = max(columns[0].width, len(v.Name))
					}
				}
			}
			if bare {
				columns = append(columns, tableColumn{name: "value", help: "The datum's value, JSON", width: wide})
			}
			for _, c := range values {
				help := valueHelp[c.key]
				columns = append(columns,
					tableColumn{name: "value." + c.key, number: c.number, width: c.width, unit: help[0],
						help: help[1], ucd: help[2]})
			}
			return t.head(columns, e.Count)
		},
		Row: func(v *archive.ExportView) error {
			inUnits(&v.DatumView)
			cells := make([]cell, len(columns))
			cells[0].text, cells[1].text = v.TargetName, v.Type
			cells[2].text, cells[3].text = string(wire.AppendTime(nil, v.Time)), instant.FormatMJD(v.Time)
			cells[4].text, cells[5].text = v.Source, v.Location
			if v.Product != 0 {
				cells[6].text = strconv.FormatUint(v.Product, 10)
			}
			first := fixed
			members, ok := ingest.ValueMembers(v.Value)
			for _, m := range members {
				_, there := at[m.Key]
				ok = ok && there
			}
			if bare {
				if first++; !ok {
					cells[fixed].text, members = string(v.Value), nil
				}
			}
			for _, m := range members {
				if i, there := at[m.Key]; there {
					cells[first+i].text = cellText(m.Value)
				}
			}
			return t.row(cells)
		},
		Flush: s.flush,
		Full:  s.full,
	})
	if err == nil {
		err = t.foot()
	}
	return err
}

// cellText is a value of JSON as it stands in a cell.
func cellText(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		return v.Text()
	case 'n':
		return ""
	}
	return string(v)
}

// maxTargetColumns is how many aliases and different tags together get columns of their own in an
// export of targets, all of whose rows have all columns.
const maxTargetColumns = 2_000

// exportTargets sends all targets that a filter lets through, as a TOM exports them: aliases as
// name2, name3 and so on, tags as columns of their own.
func exportTargets(r *request, format string) (*answer, error) {
	f, err := parseTargetFilter(r)
	if err != nil {
		return nil, err
	}
	all := archive.Page{Limit: math.MaxInt}
	return r.streamed(exportTypes[format], func(s *stream) error {
		if format == "ndjson" {
			return r.access.Targets(r.Context(), f, all, archive.Out[archive.TargetView]{
				Row: func(v *archive.TargetView) error {
					s.line(func(w *wire.Writer) { writeColumns(w, targetColumns, v) })
					return nil
				},
				Flush: s.flush,
				Full:  s.full,
			})
		}
		aliases := 0
		var extras []string
		used, known := map[string]bool{}, map[string]bool{}
		err := r.access.Targets(r.Context(), f, all, archive.Out[archive.TargetView]{
			Row: func(v *archive.TargetView) error {
				aliases = max(aliases, len(v.Aliases))
				for _, e := range v.Extras {
					if !known[e.Key] {
						known[e.Key] = true
						extras = append(extras, e.Key)
					}
				}
				if aliases+len(extras) > maxTargetColumns {
					return problem.Invalid("format",
						"These targets have more than %d aliases and different tags, too many for a table: ask for "+
							"fewer targets, or for ndjson.", maxTargetColumns)
				}
				for _, n := range archive.Numbers {
					used[n.Name] = used[n.Name] || *n.Of(v.Target) != nil
				}
				used["scheme"] = used["scheme"] || v.Scheme != ""
				return nil
			},
		})
		if err != nil {
			return err
		}
		columns := []tableColumn{{name: "name", help: "Name"}, {name: "type", help: "Type of target"}}
		var numbers []archive.Number
		for _, n := range archive.Numbers {
			if used[n.Name] {
				numbers = append(numbers, n)
				columns = append(columns,
					tableColumn{name: n.Name, help: numberHelp[n.Name][0] + ". " + numberHelp[n.Name][1], number: true,
						unit: numberUnits[n.Name]})
			}
		}
		if used["scheme"] {
			columns = append(columns, tableColumn{name: "scheme", help: "Scheme of the orbital elements"})
		}
		columns = append(columns, tableColumn{name: "permissions", help: "Who sees the target"})
		for i := range aliases {
			columns = append(columns, tableColumn{name: "name" + strconv.Itoa(i+2), help: "Alias"})
		}
		columns = append(columns,
			tableColumn{name: "groups", help: "Groups with rights on the target, separated by semicolons"})
		for _, key := range extras {
			columns = append(columns, tableColumn{name: key, help: "Tag"})
		}
		cells := make([]cell, len(columns))
		fill := func(v *archive.TargetView) {
			clear(cells)
			next := 0
			put := func(text string) { cells[next].text = text; next++ }
			put(v.Name)
			put(v.Type)
			for _, n := range numbers {
				text := ""
				if x := *n.Of(v.Target); x != nil {
					text = string(wire.AppendFloat(nil, *x))
				}
				put(text)
			}
			if used["scheme"] {
				put(v.Scheme)
			}
			put(string(v.Visibility))
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
		}
		rows := 0
		if format == "fits" { // which wants to know how wide its columns are
			err = r.access.Targets(r.Context(), f, all, archive.Out[archive.TargetView]{
				Row: func(v *archive.TargetView) error {
					rows++
					fill(v)
					for i, c := range cells {
						columns[i].width = max(columns[i].width, len(c.text))
					}
					return nil
				},
			})
			if err != nil {
				return err
			}
		}
		t := newTable(format, s)
		if err := t.head(columns, rows); err != nil {
			return err
		}
		err = r.access.Targets(r.Context(), f, all, archive.Out[archive.TargetView]{
			Row: func(v *archive.TargetView) error {
				fill(v)
				return t.row(cells)
			},
			Flush: s.flush,
			Full:  s.full,
		})
		if err == nil {
			err = t.foot()
		}
		return err
	})
}

// numberUnits are the units of a target's numbers as astropy.units spells them.
var numberUnits = map[string]string{"ra": "deg", "dec": "deg", "epoch": "yr", "parallax": "mas", "pm_ra": "mas / yr",
	"pm_dec": "mas / yr", "galactic_lng": "deg", "galactic_lat": "deg",
	"distance": "pc", "distance_err": "pc", "epoch_of_elements": "d", "mean_anomaly": "deg", "arg_of_perihelion": "deg", "lng_asc_node": "deg", "inclination": "deg",
	"mean_daily_motion": "deg / d", "semimajor_axis": "AU", "epoch_of_perihelion": "d", "ephemeris_period": "d", "ephemeris_period_err": "d", "ephemeris_epoch": "d", "ephemeris_epoch_err": "d",
	"perihdist": "AU", "abs_mag": "mag"}

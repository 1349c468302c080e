package ingest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// groupNames are folded names of columns that tell the spectra of a table apart, besides those of
// objects and of times.
var groupNames = []string{"id", "label", "spectrum", "spectra", "spectrum_id", "spectrumid", "spectrum_number",
	"spectrum_no", "spec", "spec_id", "specid", "spec_no", "specnum", "object_id", "objectid", "objid", "obj_id", "obj",
	"source_id", "sourceid", "instrument", "instrument_id", "instrumentid", "telescope", "telescope_id", "obs_id",
	"obsid", "observation", "observation_id", "exposure", "exposure_id", "exp", "exp_id", "expid", "expnum", "exp_no",
	"visit", "visit_id", "visitid", "epoch", "epoch_id", "night", "frame", "order", "orders", "order_number",
	"order_no", "ord", "echelle_order", "group", "group_id", "groupid", "set", "set_id", "segment", "name", "file",
	"filename", "file_name", "number", "phase"}

const severalSpectra = "the wavelengths start again, or occur several times: the table has several spectra, and no " +
	"column tells them apart, as spectrum_id would; add one, or make a file for each"

// spectra are those of a table: one, or one for each group of rows that have the same texts in the
// columns by.
type spectra struct {
	job   *job
	names []string
	by    []int // columns; empty for one spectrum
	time  int   // that of by which has the date of each spectrum; -1 for none
	clock instant.Clock

	list  []*spectrum
	keys  [][][]byte     // the texts of by for each of list
	at    map[string]int // index in list by these texts
	last  int            // index of the spectrum of the previous row
	bytes []byte         // a key

	whole *specDate // the date of the file, once it was looked for
}

// newSpectra finds the columns that tell spectra apart by their names and the first rows. A column
// that differs in each of the rows numbers them.
func (j *job) newSpectra(g *grid, c *specColumns) *spectra {
	out := &spectra{job: j, names: c.names, time: -1, at: map[string]int{}}
	rows := g.Sample
	if g.headerless && !slices.Equal(c.names, g.First) {
		rows = append([][]string{g.First}, rows...)
	}
	for i, name := range c.names {
		if i == c.wavelength || i == c.flux || i == c.errors {
			continue
		}
		base, unit := cutUnit(name)
		base = fold(base)
		clock, isTime := timeOf(base, unit)
		if r, _ := roleOf(base); !isTime && r != roleObject && !slices.Contains(groupNames, base) {
			continue
		}
		seen := map[string]bool{}
		for _, row := range rows {
			if i < len(row) {
				seen[row[i]] = true
			}
		}
		if len(rows) > 2 && len(seen) == len(rows) {
			continue
		}
		if out.by = append(out.by, i); isTime && out.time < 0 && clock.Refused == "" &&
			clock.Scale == instant.ScaleUTC &&
			(clock.Kind == instant.KindMJD || clock.Kind == instant.KindJD || clock.Kind == instant.KindUnknown ||
				clock.Kind == instant.KindTime) {
			if out.time, out.clock = i, clock; clock.Kind == instant.KindTime { // it may be that of an exposure
				out.clock.Kind = instant.KindUnknown
			}
		}
	}
	return out
}

// of returns the spectrum of a row.
func (p *spectra) of(cells [][]byte) (*spectrum, error) {
	if len(p.list) > 0 {
		same := true
		for k, i := range p.by {
			same = same && bytes.Equal(cells[i], p.keys[p.last][k])
		}
		if same {
			return p.list[p.last], nil
		}
	}
	p.bytes = p.bytes[:0]
	for _, i := range p.by {
		p.bytes = binary.AppendUvarint(p.bytes, uint64(len(cells[i])))
		p.bytes = append(p.bytes, cells[i]...)
	}
	at, there := p.at[string(p.bytes)]
	if !there {
		if at = len(p.list); at == bounded.MaxSpectra {
			return nil, bounded.Refuse(bounded.Problem{Column: problem.Clip(p.names[p.by[0]]),
				Reason: "the columns that tell spectra apart give more than a thousand"})
		}
		var texts [][]byte
		for _, i := range p.by {
			texts = append(texts, bytes.Clone(cells[i]))
		}
		p.at[string(p.bytes)] = at
		p.list, p.keys = append(p.list, p.job.newSpectrum()), append(p.keys, texts)
	}
	p.last = at
	return p.list[at], nil
}

// emit calls each with one spectrum after the other, in the order in which they begin. If the rows
// name several objects, those that are not the target are left out.
func (p *spectra) emit(each func(*spectrum) error) error {
	if len(p.list) == 0 {
		return each(p.job.newSpectrum())
	}
	size := 0
	for _, s := range p.list {
		size += s.discarded + len(s.flux) + len(s.wavelength) + len(s.errors)
	}
	if size > bounded.MaxSpectrum && len(p.list) > 1 {
		return bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("the spectra take more than %d bytes",
			bounded.MaxSpectrum)})
	}
	if len(p.list) > 1 {
		p.job.warn("the table has %d spectra, told apart by %s: each is stored by itself", len(p.list),
			problem.QuotedList(p.pick(p.names)))
	}
	read := 0
	for at, s := range p.list {
		if object := p.foreign(at); object != "" {
			p.job.reject(bounded.Problem{Reason: fmt.Sprintf("the spectrum of %s, with %s, is not of the target",
				problem.Quoted(object), problem.Plural(s.pixels, "pixel"))})
			continue
		}
		if len(p.list) > 1 {
			s.label = p.label(at)
		}
		p.last = at
		if err := each(s); err != nil {
			return err
		}
		read++
	}
	if read == 0 {
		reason := "no spectrum is left: every object was left out"
		if left := p.job.report.Rejected; len(left) > 0 {
			reason += "; " + left[0].Reason
		}
		return bounded.Refuse(bounded.Problem{Reason: reason})
	}
	return nil
}

// kept are the columns that are stored with the spectra; their role in the report is their name.
func (p *spectra) kept() []int {
	if len(p.list) < 2 {
		if p.time >= 0 {
			return []int{p.time} // it may date the spectrum
		}
		return nil
	}
	for _, i := range p.by {
		p.job.report.Columns[i].Role = p.job.report.Columns[i].Name
	}
	return p.by
}

// ends are the shortest and the longest wavelength of all spectra.
func (p *spectra) ends() (least, most float64) {
	least = math.Inf(1)
	for _, s := range p.list {
		if s.pixels > 0 {
			least, most = min(least, s.order.shortest), max(most, s.order.longest)
		}
	}
	return least, most
}

// pick returns the members of a list at the columns by.
func (p *spectra) pick(list []string) (out []string) {
	for _, i := range p.by {
		out = append(out, list[i])
	}
	return out
}

// foreign returns the object of a spectrum if it is not the target, in a table of several objects.
func (p *spectra) foreign(at int) string {
	for k, i := range p.by {
		base, _ := cutUnit(p.names[i])
		if r, _ := roleOf(fold(base)); r != roleObject || p.job.options.Names == nil {
			continue
		}
		object := string(p.keys[at][k])
		several := slices.ContainsFunc(p.keys, func(texts [][]byte) bool {
			return foldObject(string(texts[k])) != foldObject(object)
		})
		if several && !named(p.job.options.Names, object) {
			return object
		}
	}
	return ""
}

// label returns the members that tell a spectrum from others of its table, under the names of their
// columns.
func (p *spectra) label(at int) (out []byte) {
	var keys []string
	for k, i := range p.by {
		key := strings.TrimSpace(p.names[i])
		cell := p.keys[at][k]
		if missing(cell) || len(key) > maxName || slices.Contains(ownMembers, key) || slices.Contains(keys, key) {
			continue
		}
		keys = append(keys, key)
		if d, ok := instant.ParseDecimal(cell); ok && d.Finite() {
			out = d.AppendJSON(jsontext.AppendKey(out, key))
		} else {
			out = jsontext.AppendString(jsontext.AppendKey(out, key), string(cell))
		}
	}
	return out
}

// ownMembers are the members that the value of a spectrum has without a label.
var ownMembers = []string{"flux", "flux_units", "wavelength", "wavelength_units", "flux_error",
	"wavelength_medium", TimeOrigin}

// date finds the date of the spectrum that emit has passed on last: that in its rows, unless the
// user or the file gives one for all.
func (p *spectra) date(keys table.Keywords, place bounded.Problem) (specDate, error) {
	key, _ := findDateKey(keys.Get, newNotes("", 1))
	if p.time >= 0 && key == "" && strings.TrimSpace(p.job.options.DateObs) == "" {
		cell := p.keys[p.last][slices.Index(p.by, p.time)]
		if t, reason := instant.Parse(cell, p.clock.Kind); reason == "" {
			p.job.warnDate(problem.Clip(p.names[p.time]), t)
			return specDate{micros: t.Micros, timed: true}, nil
		} else if !missing(cell) && p.clock.Kind != instant.KindUnknown {
			place.Column, place.Reason = problem.Clip(p.names[p.time]), reason
			return specDate{}, bounded.Refuse(place)
		}
	}
	if p.whole == nil {
		d := p.job.spectrumDate(keys.Get, place)
		p.whole = &d
	}
	return *p.whole, nil
}

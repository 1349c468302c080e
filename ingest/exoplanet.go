package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// isExoplanetReport reports whether a file is a report to the AAVSO's exoplanet database
// (aavso.org/exoplanet-section, "Exoplanet Database file format").
func isExoplanetReport(head []byte) bool {
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		text := strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(string(line)), " ", ""))
		switch {
		case text == "":
		case strings.HasPrefix(text, "#TYPE=EXOPLANET"):
			return true
		case text[0] != '#':
			return false
		}
	}
	return false
}

// exoplanetReport is the head of a report: its parameters and its first row.
type exoplanetReport struct {
	values map[string]string // by key in capitals; the first of several
	delim  table.Delimiter
	width  int // cells of the first row
}

// readExoplanetHead reads the lines before the first row, and that row.
func readExoplanetHead(f bounded.File) (*exoplanetReport, error) {
	lines := table.NewLines(f)
	lines.Lenient = true
	out := &exoplanetReport{values: map[string]string{}, delim: ','}
	for {
		line, err := lines.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		line = table.Trim(line)
		if lines.Number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		switch {
		case len(line) == 0:
		case line[0] == '#':
			key, value, ok := exoplanetParameter(line)
			if _, twice := out.values[key]; !ok || twice || len(out.values) >= bounded.MaxKeys ||
				len(value) > bounded.MaxKeyLine {
				continue // the long ones hold results of the fit as JSON
			}
			out.values[key] = value
			var delimiter aavsoRows
			if reason := delimiter.parameter(key + "=" + value); key == "DELIM" && reason != "" {
				return nil, bounded.Refuse(bounded.Problem{Line: lines.Number, Reason: reason})
			} else if key == "DELIM" && delimiter.delim != 0 {
				out.delim = delimiter.delim
			}
		default:
			cells, reason := out.delim.Split(line, nil)
			if reason != "" {
				return nil, bounded.Refuse(bounded.Problem{Line: lines.Number, Reason: reason})
			}
			out.width = len(cells)
			return out, nil
		}
	}
}

// exoplanetParameter splits #KEY=value.
func exoplanetParameter(line []byte) (key, value string, ok bool) {
	before, after, ok := bytes.Cut(line[1:], []byte("="))
	key = strings.ToUpper(string(table.Trim(before)))
	return key, string(table.Trim(after)), ok && len(key) <= 40 && !strings.Contains(key, " ")
}

// readExoplanetReport reads a report. DIFF is what MEASUREMENT_TYPE says: a flux relative to
// comparison stars, or a difference of magnitudes; neither is a magnitude of the star.
func readExoplanetReport(ctx context.Context, j *job) error {
	head, err := readExoplanetHead(j.file)
	if err != nil {
		return err
	}
	refuse := func(reason string) error { return bounded.Refuse(bounded.Problem{Reason: reason}) }
	clock, ok := timeFormatNamed(head.values["DATE_TYPE"])
	if !ok || clock.Kind != instant.KindJD && clock.Kind != instant.KindMJD {
		return refuse("dates of the kind #DATE_TYPE=" + problem.Clip(head.values["DATE_TYPE"]) +
			" are not read: JD_UTC, HJD_UTC, BJD_UTC, BJD_TT or BJD_TDB")
	}
	d := dialect{name: "AAVSO exoplanet report", roles: map[string]role{"date": roleTime}}
	switch kind := strings.ToLower(head.values["MEASUREMENT_TYPE"]); {
	case strings.HasSuffix(kind, "flux"):
		d.roles["diff"], d.roles["err"] = roleFlux, roleFluxError
		d.constant, d.notes = relativeFlux, []string{relativeNote}
	case strings.HasSuffix(kind, "mag"):
		d.roles["diff"], d.roles["err"] = roleDifferential, roleError
	default:
		return refuse("DIFF is a relative flux or a difference of magnitudes; write which as " +
			"#MEASUREMENT_TYPE=Rnflux or Dmag, not " + problem.Quoted(kind))
	}
	if filter := head.values["FILTER"]; !missing([]byte(filter)) && !notAvailable([]byte(filter)) {
		d.constant = string(jsontext.AppendString([]byte(`,"filter":`), problem.Clip(filter))) + d.constant
	}
	g := &grid{format: d.name, dialect: &d, source: problem.Clip(head.values["OBSCODE"])}
	// the planet, if that is a name of the target, else its star
	for _, name := range []string{head.values["EXOPLANET_NAME"], head.values["STAR_NAME"]} {
		if name != "" && !named(j.options.Names, g.object) {
			g.object = problem.Clip(name)
		}
	}
	g.First = []string{"date", "diff", "err"}
	for i := 1; len(g.First) < head.width && len(g.First) < bounded.MaxColumns; i++ {
		g.First = append(g.First, "detrend_"+strconv.Itoa(i))
	}
	g.fields = []field{{time: &clock}}
	if names := head.values["DETREND_PARAMETERS"]; names != "" {
		g.notes = append(g.notes, "the columns detrend_1 and so on are "+problem.Quoted(names)+
			"; they were not applied to the values")
	}
	g.open = func(func([]byte)) (rows, error) {
		in := &exoplanetRows{lines: table.NewLines(j.file), head: head, columns: len(g.First)}
		in.lines.Lenient = true
		return in, nil
	}
	if err := g.readSample(); err != nil {
		return err
	}
	return j.readPhotometry(ctx, g)
}

// exoplanetRows reads the rows of a report.
type exoplanetRows struct {
	lines   *table.Lines
	head    *exoplanetReport
	columns int
	begun   bool // a row has been read
	cells   [][]byte
}

func (in *exoplanetRows) next(r *row) error {
	for {
		line, err := in.lines.Next()
		if err != nil {
			return err
		}
		if line = table.Trim(line); in.lines.Number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		*r = row{Row: bounded.Row{Line: in.lines.Number}}
		switch {
		case len(line) == 0:
			continue
		case line[0] == '#':
			key, value, ok := exoplanetParameter(line)
			if first, known := in.head.values[key]; in.begun && ok && (!known || first != value) {
				r.Reason = "the parameter #" + problem.Clip(key) + " changes within the file"
				return nil
			}
			continue
		}
		in.begun = true
		if in.cells, r.Reason = in.head.delim.Split(line, in.cells[:0]); r.Reason != "" {
			return nil
		}
		if len(in.cells) < 2 || len(in.cells) > in.columns {
			r.Reason = problem.Plural(len(in.cells), "field") + fmt.Sprintf(" where the report has %d", in.columns)
			return nil
		}
		for i, c := range in.cells {
			if notAvailable(c) {
				in.cells[i] = nil
			}
		}
		for len(in.cells) < in.columns {
			in.cells = append(in.cells, nil)
		}
		r.Cells = in.cells
		return nil
	}
}

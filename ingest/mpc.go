package ingest

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// isMPC reports whether a file holds observations in the 80 columns of the Minor Planet Center
// (minorplanetcenter.net/iau/info/OpticalObs.html), with or without a header of three-letter
// keywords.
func isMPC(head []byte) bool {
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case mpcDate(line):
			return true
		case len(bytes.TrimSpace(line)) == 0 || mpcHeader(line):
		default:
			return false
		}
	}
	return false
}

// mpcDate reports whether a line has 80 columns and columns 16 to 32 are a date, YYYY MM DD.ddddd.
func mpcDate(line []byte) bool {
	if len(line) != 80 {
		return false
	}
	day := bytes.TrimSpace(line[15:32])
	if instant.CountDigits(day) != 4 || len(day) < 10 || day[4] != ' ' || day[7] != ' ' {
		return false
	}
	_, reason := instant.ParseDateText(day)
	return reason == ""
}

// mpcHeader reports whether a line belongs to the header: COD, OBS, MEA, TEL and so on.
func mpcHeader(line []byte) bool {
	if bytes.HasPrefix(line, []byte("-----")) {
		return true
	}
	if len(line) < 4 || line[3] != ' ' {
		return false
	}
	for _, c := range line[:3] {
		if c < 'A' || c > 'Z' {
			if line[2] < '0' || line[2] > '9' { // AC2
				return false
			}
		}
	}
	return true
}

var mpc = dialect{
	name: "MPC 80-column",
	roles: map[string]role{"designation": roleObject, "date": roleTime, "magnitude": roleMagnitude, "band": roleFilter,
		"site": roleTelescope,
		"ra":   roleOther, "dec": roleOther, "note": roleOther, "catalogue": roleOther, "reference": roleOther},
}

// mpcGrid makes a grid of the observations.
func mpcGrid(f bounded.File) (*grid, error) {
	g := &grid{format: "MPC 80-column", dialect: &mpc}
	g.First = []string{"designation", "date", "ra", "dec", "magnitude", "band", "catalogue",
		"reference", "site", "note"}
	g.open = func(func([]byte)) (rows, error) { return &mpcRows{lines: table.NewLines(f)}, nil }
	return g, g.readSample()
}

type mpcRows struct {
	lines *table.Lines
	cells [][]byte
}

func (in *mpcRows) next(r *row) error {
	for {
		line, err := in.lines.Next()
		if err != nil {
			return err
		}
		if len(table.Trim(line)) == 0 || len(line) != 80 && mpcHeader(line) {
			continue
		}
		*r = row{Row: bounded.Row{Line: in.lines.Number}}
		switch {
		case len(line) != 80:
			r.Reason = "the line has " + problem.Plural(len(line), "character") + " where the format has 80"
			return nil
		case strings.IndexByte("svrR", line[14]) >= 0 && !mpcDateAndPlace(line):
			continue // the second line of an observation from a spacecraft, a rover or by radar
		case !mpcDate(line) && mpcHeader(line):
			continue
		case !mpcDate(line):
			r.Reason = "no date in columns 16 to 32: " + problem.Quoted(line[15:32])
			return nil
		}
		if line[14] == 'X' || line[14] == 'x' {
			r.leftOut = "the observation was replaced"
		}
		designation := bytes.TrimSpace(line[:12])
		in.cells = append(in.cells[:0], designation, table.Trim(line[15:32]), table.Trim(line[32:44]),
			table.Trim(line[44:56]), table.Trim(line[65:70]),
			table.Trim(line[70:71]), table.Trim(line[71:72]), table.Trim(line[72:77]), table.Trim(line[77:80]),
			table.Trim(line[13:14]))
		r.Cells = in.cells
		return nil
	}
}

// mpcDateAndPlace reports whether a line has a date and a right ascension, as the first line of an
// observation does.
func mpcDateAndPlace(line []byte) bool {
	return mpcDate(line) && line[14] < 'a' && instant.CountDigits(line[32:34]) == 2
}

// isADES reports whether a file is in the pipe-separated form of ADES
// (github.com/IAU-ADES/ADES-Master).
func isADES(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(head, []byte("#")) && bytes.Contains(head[:min(len(head), 200)], []byte("version")) &&
		bytes.Contains(head, []byte("obsTime")) && bytes.Contains(head, []byte("|"))
}

var ades = dialect{
	name: "ADES",
	roles: map[string]role{"obstime": roleTime, "mag": roleMagnitude, "rmsmag": roleError, "band": roleFilter,
		"stn":  roleTelescope,
		"mode": roleOther, "prog": roleOther, "obssub": roleOther, "remarks": roleOther},
}

// adesGrid makes a grid of all blocks of a file. Each block has a header line; the grid has the
// columns of all.
func adesGrid(f bounded.File) (*grid, error) {
	g := &grid{format: "ADES PSV"}
	in := &adesRows{lines: table.NewLines(f)}
	known, size := map[string]bool{"": true}, 0
	for {
		header, err := in.read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if !header {
			continue
		}
		if g.Line == 0 {
			g.Line = in.lines.Number
		}
		for _, name := range in.names {
			if !known[name] {
				known[name], size = true, size+len(name)
				g.First = append(g.First, name)
			}
		}
		if len(g.First) > bounded.MaxColumns || size > bounded.MaxNames {
			return nil, bounded.Refuse(bounded.Problem{Line: in.lines.Number,
				Reason: "more columns than a table may have"})
		}
	}
	if len(g.First) == 0 {
		return nil, bounded.Refuse(bounded.Problem{Reason: "an ADES file without a header line"})
	}
	g.dialect = adesDialect(g.First)
	g.open = func(func([]byte)) (rows, error) { return &adesRows{lines: table.NewLines(f), all: g.First}, nil }
	return g, g.readSample()
}

// adesDeprecated is the element that marks an observation which its observer or the Minor Planet
// Center has withdrawn.
const adesDeprecated = "deprecated"

// adesDialect is the dialect of a table of ADES with these columns: the first name of the object
// that it has is the object.
func adesDialect(columns []string) *dialect {
	d := ades
	d.roles = maps.Clone(ades.roles)
	for _, name := range []string{"permid", "provid", "artsat", "trksub"} {
		if slices.ContainsFunc(columns, func(n string) bool { return fold(n) == name }) {
			d.roles[name] = roleObject
			break
		}
	}
	return &d
}

type adesRows struct {
	lines *table.Lines
	all   []string
	names []string // of the block
	place []int    // of the block's columns, their positions in all
	cells [][]byte
	out   [][]byte
	bad   string
}

// read reads a header or a row.
func (in *adesRows) read() (header bool, err error) {
	for {
		line, err := in.lines.Next()
		if err != nil {
			return false, err
		}
		if line = table.Trim(line); len(line) == 0 || line[0] == '#' || line[0] == '!' {
			continue
		}
		if in.cells, in.bad = table.Delimiter('|').Split(line, in.cells[:0]); in.bad != "" {
			return false, nil
		}
		for _, c := range in.cells {
			if string(c) == "obsTime" {
				in.names, in.place = table.Texts(in.cells), in.place[:0]
				for _, name := range in.names {
					in.place = append(in.place, slices.Index(in.all, name))
				}
				return true, nil
			}
		}
		return false, nil
	}
}

func (in *adesRows) next(r *row) error {
	for {
		header, err := in.read()
		if err != nil {
			return err
		}
		if header {
			continue
		}
		*r = row{Row: bounded.Row{Line: in.lines.Number, Reason: in.bad}}
		switch {
		case in.bad != "":
			return nil
		case in.names == nil:
			r.Reason = "a row before the header line"
			return nil
		case len(in.cells) > len(in.names):
			r.Reason = problem.Plural(len(in.cells), "field") + " where the header has " +
				problem.Plural(len(in.names), "column")
			return nil
		}
		in.out = slices.Grow(in.out[:0], len(in.all))[:len(in.all)]
		clear(in.out)
		for i, c := range in.cells {
			if at := in.place[i]; at >= 0 {
				in.out[at] = c
			}
			if in.names[i] == adesDeprecated && len(c) > 0 {
				r.leftOut = "the observation is deprecated"
			}
		}
		r.Cells = in.out
		return nil
	}
}

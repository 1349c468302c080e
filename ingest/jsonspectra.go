package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// openSpectrum describes a spectrum of the Open Supernova Catalog, without its pixels.
type openSpectrum struct {
	members map[string]string
	width   int // numbers for each pixel: wavelength, flux and maybe its error; 0 if there are no pixels
}

// openMembers are the members of a spectrum that are read.
var openMembers = []string{"time", "u_time", "u_wavelengths", "u_fluxes", "u_errors", "telescope", "observatory",
	"instrument", "host", "model", "synthetic", "deredshifted", "dereddened"}

// clipBytes cuts a text that is too long to mean anything.
func clipBytes(text string) string { return strings.Clone(text[:min(len(text), bounded.MaxKeyLine)]) }

// readJSONSpectra reads the spectra of an Open Catalog: a list spectra of objects. Each has a list
// data of [wavelength, flux] or [wavelength, flux, error], and members for units and time.
func readJSONSpectra(ctx context.Context, j *job) error {
	spectra, err := findJSONSpectra(j.file)
	if err != nil {
		return err
	}
	if len(spectra) == 0 {
		return bounded.Refuse(bounded.Problem{Reason: "a JSON document without a list spectra whose members have data"})
	}
	w, err := newJSONWalk(j.file)
	if err != nil {
		return err
	}
	if len(spectra) > 1 {
		j.warn("the document has %d spectra", len(spectra))
	}
	in := &jsonPixels{walk: w}
	read := 0
	for i, s := range spectra {
		if reason := s.refused(); reason != "" {
			j.reject(bounded.Problem{Row: i + 1, Reason: reason})
			if s.width > 0 {
				err = in.begin()
			}
		} else {
			read++
			err = j.readOpenSpectrum(ctx, in, s)
		}
		if err != nil {
			return err
		}
	}
	if read == 0 {
		return bounded.Refuse(bounded.Problem{Reason: "no spectrum is left"})
	}
	return nil
}

// refused returns why a spectrum is not read; "" if it is.
func (s *openSpectrum) refused() string {
	for _, kind := range []string{"host", "model", "synthetic", "deredshifted", "dereddened"} {
		if v := s.members[kind]; v != "" && v != "false" {
			return "the spectrum is of the kind " + problem.Quoted(kind) + ", not of the observed object"
		}
	}
	switch {
	case s.width == 0:
		return "the spectrum has no data"
	case s.width > 3:
		return fmt.Sprintf("the spectrum has %d numbers per pixel: wavelength, flux and error are read", s.width)
	}
	if fluxes, errors := s.members["u_fluxes"], s.members["u_errors"]; s.width == 3 && errors != "" &&
		errors != fluxes {
		return "the errors are in " + problem.Quoted(errors) + " and the fluxes in " + problem.Quoted(fluxes)
	}
	return ""
}

// readOpenSpectrum reads the next spectrum of the document.
func (j *job) readOpenSpectrum(ctx context.Context, in *jsonPixels, s *openSpectrum) error {
	get := func(keys ...string) string {
		for _, key := range keys {
			if v := s.members[key]; v != "" {
				return v
			}
		}
		return ""
	}
	g := &grid{format: "Open Supernova Catalog, JSON", numbered: true}
	g.First = []string{"wavelength", "flux", "error"}[:s.width]
	g.fields = []field{{unit: get("u_wavelengths")}, {unit: get("u_fluxes")}, {unit: get("u_fluxes")}}[:s.width]
	g.keys = table.Keywords{}
	t, ok := openTime(get("u_time"))
	if !ok {
		return bounded.Refuse(bounded.Problem{Column: "u_time",
			Reason: "times in " + problem.Quoted(get("u_time")) + " are not read"})
	}
	key := "MJD"
	if t.Kind == instant.KindJD {
		key = "JD"
	}
	if time := get("time"); time != "" {
		g.keys[key] = time
	}
	if source := get("telescope", "observatory", "instrument"); source != "" {
		g.keys["FACILITY"] = source
	}
	g.open = func(func([]byte)) (rows, error) { return in, in.begin() }
	return j.readSpectrum(ctx, g)
}

// findJSONSpectra lists the spectra of a document.
func findJSONSpectra(f bounded.File) ([]*openSpectrum, error) {
	w, err := newJSONWalk(f)
	if err != nil {
		return nil, err
	}
	var spectra []*openSpectrum
	var members []jsonMember
	for {
		t, err := w.Step()
		if err == io.EOF {
			return spectra, nil
		}
		if err != nil {
			return nil, err
		}
		if !w.recordBegins(t) || w.listKey() != "spectra" {
			continue
		}
		if len(spectra) == bounded.MaxJSONSpectra {
			return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("more than %d spectra",
				bounded.MaxJSONSpectra)})
		}
		s := &openSpectrum{members: map[string]string{}}
		members, err = w.record(members[:0], func(key string) (bool, error) {
			if key != "data" || !w.Stack[len(w.Stack)-1].List {
				return false, nil
			}
			s.width, err = w.firstWidth()
			return true, err
		})
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if notUTF8(m.text) {
				return nil, bounded.Refuse(bounded.Problem{Reason: "not text: not valid UTF-8"})
			}
			if !m.nested && slices.Contains(openMembers, m.key) {
				s.members[m.key] = clipBytes(m.text)
			}
		}
		spectra = append(spectra, s)
	}
}

// listKey is the key of the list whose item the walk is in.
func (w jsonWalk) listKey() string {
	if n := len(w.Stack); n >= 3 && !w.Stack[n-3].List {
		return w.Stack[n-3].Key
	}
	return ""
}

// firstWidth skips a list of lists and returns the length of its first non-empty item.
func (w jsonWalk) firstWidth() (width int, err error) {
	depth := len(w.Stack)
	for items := 0; len(w.Stack) >= depth; {
		t, err := w.Step()
		if err != nil {
			return 0, err
		}
		switch {
		case t == json.Delim(']') && len(w.Stack) == depth:
			if width == 0 {
				width = items
			}
			items = 0
		case len(w.Stack) == depth+1 && t != json.Delim('['):
			items++
		}
	}
	return width, nil
}

// jsonPixels reads the pixels of the spectra of a document, one spectrum after the other.
type jsonPixels struct {
	walk  jsonWalk
	depth int // of the list of pixels
	cells [][]byte
	pixel int
}

// begin enters the data of the next spectrum that has some.
func (in *jsonPixels) begin() error {
	for in.pixel = 0; ; {
		t, err := in.walk.Step()
		if err == io.EOF {
			return bounded.Refuse(bounded.Problem{Reason: "the JSON document has fewer spectra than before"})
		}
		if err != nil {
			return err
		}
		n := len(in.walk.Stack)
		if t == json.Delim('[') && n >= 4 && in.walk.Stack[n-2].Key == "data" && !in.walk.Stack[n-2].List &&
			in.walk.Stack[n-3].List && in.walk.Stack[n-4].Key == "spectra" {
			in.depth = n
			return nil
		}
	}
}

func (in *jsonPixels) next(r *row) error {
	in.pixel++
	*r = row{Row: bounded.Row{Line: in.pixel}}
	in.cells = in.cells[:0]
	for {
		t, err := in.walk.Step()
		if err != nil {
			return err
		}
		switch n := len(in.walk.Stack); {
		case n < in.depth:
			return io.EOF
		case t == json.Delim('[') && n == in.depth+1:
		case t == json.Delim(']') && n == in.depth:
			r.Cells = in.cells
			return nil
		case n == in.depth+1 && len(in.cells) < bounded.MaxColumns:
			if _, nested := t.(json.Delim); !nested {
				in.cells = append(in.cells, []byte(jsonText(t)))
				continue
			}
			fallthrough
		default:
			return bounded.Refuse(bounded.Problem{Row: in.pixel,
				Reason: "a pixel is a list of numbers: wavelength, flux and maybe its error"})
		}
	}
}

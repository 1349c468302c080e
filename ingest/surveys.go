package ingest

import (
	"bytes"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/problem"
)

// isGaiaAlert reports whether a file is a light curve of Gaia Photometric Science Alerts, which
// begins with the name of the alert and #Date,JD(TCB),averagemag.
func isGaiaAlert(head []byte) bool {
	_, at := gaiaHeader(head)
	return at > 0
}

// gaiaHeader finds the header in the first lines.
func gaiaHeader(head []byte) (title string, number int) {
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		if number++; number > 4 {
			break
		}
		text := strings.TrimSpace(string(line))
		if strings.HasPrefix(strings.ToLower(strings.ReplaceAll(text, " ", "")), "#date,jd(tcb),averagemag") {
			return title, number
		}
		if text != "" && title == "" {
			title = strings.TrimSpace(strings.TrimLeft(text, "#"))
		}
	}
	return "", 0
}

var gaia = dialect{
	name:   "Gaia Alerts",
	roles:  map[string]role{"date": roleOther, "averagemag": roleMagnitude},
	source: "Gaia", constant: `,"filter":"G","telescope":"Gaia"`,
	notes: []string{"the magnitudes of Gaia Alerts are in G and have no errors"},
	clean: func(columns []column, cells [][]byte) {
		for i, c := range columns {
			if c.role == roleMagnitude && strings.EqualFold(string(cells[i]), "untrusted") {
				cells[i] = nil
			}
		}
	},
}

func gaiaGrid(f bounded.File) (*grid, error) {
	head, err := bounded.ReadHead(f)
	if err != nil {
		return nil, err
	}
	title, at := gaiaHeader(head)
	g := &grid{format: "Gaia Alerts", dialect: &gaia, object: problem.Clip(title)}
	g.First, g.Line, g.Delimiter = []string{"Date", "JD(TCB)", "averagemag"}, at, ','
	for i := 1; i < at; i++ {
		g.Skip = append(g.Skip, i)
	}
	g.open = func(comment func([]byte)) (rows, error) {
		return plainRows{table.TextRows(f, g.Layout, true, comment)}, nil
	}
	return g, g.readSample()
}

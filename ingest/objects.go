package ingest

import (
	"bytes"
	"context"
	"io"
	"strings"

	"nightjar/internal/problem"
)

// findObjects counts the objects that the rows name, up to two: a table of one object is the
// target's, whatever it is called.
func (p *photometry) findObjects(ctx context.Context) error {
	if p.object < 0 {
		if name := p.grid.object; name != "" && p.options.Names != nil && !named(p.options.Names, name) {
			p.warn("the file is of %s, which is none of the target's names", problem.Quoted(name))
		}
		return nil
	}
	in, err := p.grid.open(nil)
	if err != nil {
		return err
	}
	first := ""
	var r row
	for n := 0; p.objects < 2; n++ {
		if n%ctxRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		err := in.next(&r)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if r.Reason != "" || p.object >= len(r.Cells) || missing(r.Cells[p.object]) {
			continue
		}
		if name := r.Cells[p.object]; p.objects == 0 {
			first, p.objects = string(name), 1
		} else if !bytes.Equal(name, []byte(first)) && foldObject(string(name)) != foldObject(first) {
			p.objects = 2
		}
	}
	if p.objects == 1 && p.options.Names != nil && !named(p.options.Names, first) {
		p.warn("column %s: the rows are of %s, which is none of the target's names",
			problem.Clip(p.columns[p.object].name), problem.Quoted(first))
	}
	return nil
}

// named tells whether a name is one of a list, whatever its case, blanks, dashes and underscores.
func named(list []string, name string) bool {
	for _, n := range list {
		if foldObject(n) == foldObject(name) {
			return true
		}
	}
	return false
}

func foldObject(name string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(name))
}

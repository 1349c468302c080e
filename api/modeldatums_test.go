package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"nightjar/auth"
)

// Rows: each has a day and a value, so that equal rows are duplicates whatever adds them.

func rowTime(row int) string {
	return time.Date(2023, 2, 25+row, 0, 0, 0, 0, time.UTC).Format(time.RFC3339) // from MJD 60000
}

// rowSource returns a random source of a posted row; rows of files have none.
func rowSource(r *rand.Rand) string { return one(r, "", "source 0", "source 1") }

// fileText is the format of the value of a row of a file.
const fileText = `{"magnitude":%d.50,"time":%d.0}`

// rowValue writes the value of a row in one of several equal ways.
func rowValue(row int, r *rand.Rand) json.RawMessage {
	if row >= modelFileRows {
		return json.RawMessage(fmt.Sprintf(one(r, `{"flux":[1,2.5,%d]}`, `{ "flux" : [1.0, 25e-1, %d] }`), row))
	}
	if r.IntN(2) == 0 {
		return json.RawMessage(fmt.Sprintf(fileText, 15+row, 60000+row))
	}
	return json.RawMessage(fmt.Sprintf(one(r, `{"time":%[1]d.0,"magnitude":%[2]d.5}`,
		`{"magnitude": %[2]d.50, "time": %[1]d}`, `{"time":%[1]de0,"magnitude":%[2]d5e-1}`), 60000+row, 15+row))
}

// A sentDatum is a datum that is sent, and the fields of the problems that the answer must name.
type sentDatum struct {
	d        modelDatum
	body     map[string]any
	problems []string
}

func (x *modelRun) sendDatum(who string, r *rand.Rand, line bool) sentDatum {
	m := x.m
	t, id := x.targetAt(r.IntN(modelPlaces))
	d := modelDatum{Type: one(r, modelTypes...), Row: r.IntN(modelRows), Source: rowSource(r)}
	value := rowValue(d.Row, r)
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		panic(err)
	}
	d.Text = compact.String()
	out := sentDatum{body: map[string]any{"data_type": d.Type, "timestamp": rowTime(d.Row),
		"source_name": d.Source, "value": value}}
	name := r.IntN(3)
	if line && name > 0 && t != nil {
		called := t.Name
		if len(t.Aliases) > 0 && name == 2 {
			called = t.Aliases[0].Name
		}
		out.body["target_name"] = called
	} else {
		out.body["target"] = id
	}
	target := 0
	switch {
	case !m.sees(who, t):
		out.problems = append(out.problems, "target")
	case !m.granted(who, t):
		out.problems = append(out.problems, "target")
		target = t.Place + 1
	default:
		d.Target = t.Place
		target = t.Place + 1
	}
	place, groups := r.IntN(modelFiles), x.someGroups(who, r)
	if p := m.Products[place]; r.IntN(12) == 0 || p != nil && p.Target == target-1 && r.IntN(2) == 0 {
		out.body["data_product"] = noID
		if p != nil {
			out.body["data_product"] = p.ID
		}
		if !m.seesProduct(who, p) || target != 0 && p.Target != target-1 {
			out.problems = append(out.problems, "data_product")
		}
		d.Products = []int{place}
	}
	if groups = unique(groups); len(groups) > 0 && r.IntN(2) == 0 {
		out.body["groups"] = x.refs(groups)
		if !m.mayName(who, groups) {
			out.problems = append(out.problems, "groups")
		}
	} else {
		groups = nil
	}
	if d.Products == nil {
		d.Owners = []modelOwner{{who, groups}}
	}
	out.d = d
	return out
}

func (x *modelRun) postDatum(who string, r *rand.Rand) error {
	in := x.sendDatum(who, r, false)
	s := x.ask(who, "POST", "/api/reduceddatums/", in.body)
	_, seen := x.m.findEqual(who, &in.d)
	switch {
	case who == "":
		return s.want(401)
	case in.problems != nil:
		return s.want(400, in.problems...)
	case seen:
		return s.want(400, "non_field_errors")
	}
	if err := s.want(201); err != nil {
		return err
	}
	in.d.ID = s.id()
	key, _ := x.m.addDatum(who, in.d)
	return x.compare(s.what, s.value, x.datumRow(who, x.m.Data[key]))
}

// importData sends some datums as lines.
func (x *modelRun) importData(who string, r *rand.Rand) error {
	var text strings.Builder
	var good []modelDatum
	rejected := 0
	for range 1 + r.IntN(5) {
		in := x.sendDatum(who, r, true)
		if in.problems != nil {
			rejected++
		} else {
			good = append(good, in.d)
		}
		b, err := json.Marshal(in.body)
		if err != nil {
			return err
		}
		text.Write(append(b, '\n'))
	}
	s := x.ask(who, "POST", "/api/reduceddatums/", raw{typeNDJSON, text.String()})
	if who == "" {
		return s.want(401)
	}
	if err := s.want(201); err != nil {
		return err
	}
	upload, _ := s.value["upload"].(float64)
	created, duplicate := 0, 0
	for _, d := range good {
		d.Upload = uint64(upload)
		if _, fresh := x.m.addDatum(who, d); fresh {
			created++
		} else {
			duplicate++
		}
	}
	got := fmt.Sprint(s.value["created"], s.value["duplicate"], s.value["rejected"], upload != 0)
	if want := fmt.Sprint(created, duplicate, rejected, len(good) > 0); got != want {
		return fmt.Errorf("%s: created, duplicate, rejected, upload %s, want %s: %.300s", s.what, got, want, s.body)
	}
	return x.learnIDs()
}

// learnIDs finds the ids of datums that were added in bulk.
func (x *modelRun) learnIDs() error {
	fresh, known := map[string]*modelDatum{}, map[float64]bool{}
	for _, d := range x.m.Data {
		if known[float64(d.ID)] = true; d.ID == 0 {
			fresh[fmt.Sprint(x.m.Targets[d.Target].ID, d.Type, rowTime(d.Row))] = d
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	s := x.ask("admin", "GET", "/api/reduceddatums/?limit=10000", nil)
	if err := s.want(200); err != nil {
		return err
	}
	for _, row := range s.value["results"].([]any) {
		v := row.(map[string]any)
		if d := fresh[fmt.Sprint(v["target"], v["data_type"], v["timestamp"])]; d != nil && !known[v["id"].(float64)] {
			d.ID = uint64(v["id"].(float64))
		}
	}
	for key, d := range fresh {
		if d.ID == 0 {
			return fmt.Errorf("the datum %s was created, but is missing", key)
		}
	}
	return nil
}

func (x *modelRun) datumAt(r *rand.Rand) (string, *modelDatum, uint64) {
	key := "none"
	if keys := sortedKeys(x.m.Data); len(keys) > 0 && r.IntN(8) > 0 {
		key = keys[r.IntN(len(keys))]
	}
	if d := x.m.Data[key]; d != nil {
		return key, d, d.ID
	}
	return key, nil, noID
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (x *modelRun) deleteDatum(who string, r *rand.Rand) error {
	key, d, id := x.datumAt(r)
	may := d != nil && x.m.mayDelete(who, d.Target, x.m.owners(d)...)
	done, err := x.ask(who, "DELETE", fmt.Sprintf("/api/reduceddatums/%d/", id), nil).wantDeleted(who,
		x.m.seesDatum(who, d), may)
	if done {
		x.m.dropDatum(who, key)
	}
	return err
}

// uploadProduct uploads a file of photometry, or a file that is only stored.
func (x *modelRun) uploadProduct(who string, r *rand.Rand) error {
	m := x.m
	p := &modelProduct{Place: r.IntN(modelFiles), Maker: who, Type: one(r, "photometry", "photometry", "fits_file"),
		ProductID: one(r, "", "P0", "P1", "p2")}
	if m.Products[p.Place] != nil {
		return nil
	}
	t, id := x.targetAt(r.IntN(modelPlaces))
	var rows []int
	p.Content = "magnitude,time\n"
	for range 1 + r.IntN(4) {
		row := r.IntN(modelFileRows)
		rows = append(rows, row)
		p.Content += fmt.Sprintf("%d.50,%d.0\n", 15+row, 60000+row)
	}
	groups := unique(x.someGroups(who, r))
	p.Extra = one(r, "", "", textAround2K(r))
	f := newForm("target", fmt.Sprint(id), "data_product_type", p.Type, "product_id", p.ProductID,
		"extra_data", p.Extra)
	for i, g := range groups {
		f.w.WriteField(fmt.Sprintf("groups[%d]id", i), fmt.Sprint(x.groups[g]))
		if m.mayName(who, []string{g}) {
			p.Groups = append(p.Groups, g)
		}
	}
	name := one(r, "night.csv", "file.dat")
	s := x.ask(who, "POST", "/api/dataproducts/", f.file(name, []byte(p.Content)))
	var problems []string
	if !m.sees(who, t) || !m.granted(who, t) {
		problems = append(problems, "target")
	}
	for _, other := range m.Products {
		if p.ProductID != "" && other.ProductID == p.ProductID {
			problems = append(problems, "product_id")
		}
	}
	if m.Mode == auth.ModeObjects && !m.mayName(who, groups) {
		problems = append(problems, "groups")
	}
	switch {
	case who == "":
		return s.want(401)
	case problems != nil:
		return s.want(400, problems...)
	}
	if err := s.want(201); err != nil {
		return err
	}
	p.ID, p.Target = s.id(), t.Place
	p.Path, _ = s.value["data"].(string)
	m.Products[p.Place] = p
	created, duplicate := 0, 0
	for _, row := range rows {
		if p.Type != "photometry" {
			break
		}
		d := modelDatum{Target: t.Place, Type: p.Type, Row: row, Text: fmt.Sprintf(fileText, 15+row, 60000+row),
			Products: []int{p.Place}}
		if _, fresh := m.addDatum(who, d); fresh {
			created++
		} else {
			duplicate++
		}
	}
	report, _ := s.value["report"].(map[string]any)
	if got, want := fmt.Sprint(report["created"], report["duplicate"]), fmt.Sprint(created, duplicate); got != want {
		return fmt.Errorf("%s: created and duplicate %s, want %s", s.what, got, want)
	}
	return x.learnIDs()
}

func (x *modelRun) productAt(r *rand.Rand) (*modelProduct, uint64) {
	if p := x.m.Products[r.IntN(modelFiles)]; p != nil {
		return p, p.ID
	}
	return nil, noID
}

func (x *modelRun) deleteProduct(who string, r *rand.Rand) error {
	p, id := x.productAt(r)
	may := p != nil && x.m.mayDelete(who, p.Target, modelOwner{p.Maker, p.Groups})
	done, err := x.ask(who, "DELETE", fmt.Sprintf("/api/dataproducts/%d/", id), nil).wantDeleted(who,
		x.m.seesProduct(who, p), may)
	if done {
		x.m.dropProduct(p.Place)
	}
	return err
}

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/testenv"
)

// TestModel does random operations as several users through the API, and compares every answer with
// a simple model in memory, while the file is reopened, compacted, backed up and restored.
// NIGHTJAR_MODEL_OPS sets the number of operations, NIGHTJAR_MODEL_SEED chooses them. A failing run
// is repeated with fewer and fewer operations, and the smallest one that fails is printed.
func TestModel(t *testing.T) {
	t.Parallel()
	count, seed := testenv.Choose(1500, 20_000), uint64(time.Now().UnixNano())
	if n, err := strconv.Atoi(os.Getenv("NIGHTJAR_MODEL_OPS")); err == nil {
		count = n
	}
	if n, err := strconv.ParseUint(os.Getenv("NIGHTJAR_MODEL_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("NIGHTJAR_MODEL_SEED=%d NIGHTJAR_MODEL_OPS=%d", seed, count)
	ops := randomOps(seed, count)
	done, err := playModel(t.TempDir(), ops, nil)
	if err == nil {
		return
	}
	ops = ops[:min(done+1, len(ops))]
	t.Logf("failed at operation %d of %d: %v", done, count, err)
	ops = shrink(ops, 150, func(some []modelOp) bool {
		_, err := playModel(t.TempDir(), some, nil)
		return err != nil
	})
	var story bytes.Buffer
	_, err = playModel(t.TempDir(), ops, &story)
	t.Errorf("NIGHTJAR_MODEL_SEED=%d: %v, after these %d operations of it:\n%s", seed, err, len(ops), story.String())
}

// A modelOp is one operation. Its own seed chooses its objects and values by place, and places may
// be empty, so that it keeps nearly the same meaning when other operations are left out.
type modelOp struct {
	kind string
	who  string
	seed uint64
}

// modelKinds are the kinds of operations and their weights.
var modelKinds = []struct {
	name   string
	weight int
	do     func(*modelRun, string, *rand.Rand) error
}{
	{"create", 70, (*modelRun).createTarget}, {"change", 70, (*modelRun).changeTarget}, {"delete", 6,
		(*modelRun).deleteTarget},
	{"withdraw", 12, (*modelRun).withdraw}, {"share", 25, (*modelRun).share},
	{"delete part", 25, (*modelRun).deletePart}, {"delete list", 6, (*modelRun).deleteList},
	{"datum", 120, (*modelRun).postDatum}, {"delete datum", 30, (*modelRun).deleteDatum}, {"import", 25,
		(*modelRun).importData},
	{"upload", 60, (*modelRun).uploadProduct}, {"delete product", 12, (*modelRun).deleteProduct},
	{"targets", 110, (*modelRun).listTargets}, {"data", 130, (*modelRun).listData}, {"products", 60,
		(*modelRun).listProducts}, {"look", 120, (*modelRun).getOne},
	{"member", 12, (*modelRun).member}, {"mode", 6, (*modelRun).setMode}, {"strategy", 5, (*modelRun).setStrategy},
	{"reopen", 3, (*modelRun).reopen}, {"compact", 2, (*modelRun).compact}, {"reindex", 3,
		(*modelRun).reindex}, {"backup", 3, (*modelRun).backup}, {"restore", 2, (*modelRun).restore},
	{"verify", 2, (*modelRun).verify},
}

var modelUsers = []string{"admin", "astro", "carol", "bob", "eve", ""}

// modelWriters are the users of operations, some of them more than once.
var modelWriters = append(modelUsers, "astro", "astro", "carol", "carol", "bob", "eve")

func randomOps(seed uint64, count int) (ops []modelOp) {
	r := rand.New(rand.NewPCG(seed, 0))
	total := 0
	for _, k := range modelKinds {
		total += k.weight
	}
	for range count {
		n := r.IntN(total)
		i := 0
		for ; n >= modelKinds[i].weight; i++ {
			n -= modelKinds[i].weight
		}
		ops = append(ops, modelOp{modelKinds[i].name, one(r, modelWriters...), r.Uint64()})
	}
	return ops
}

// one returns a random element.
func one[T any](r *rand.Rand, some ...T) T { return some[r.IntN(len(some))] }

// some returns zero, one or two random elements.
func some[T any](r *rand.Rand, list ...T) []T {
	out := []T{}
	for range r.IntN(3) {
		out = append(out, one(r, list...))
	}
	return out
}

// shrink removes operations that are not needed for the failure, in at most tries attempts: first
// halves, then quarters, and so on down to single ones.
func shrink(ops []modelOp, tries int, fails func([]modelOp) bool) []modelOp {
	for size := len(ops) / 2; size > 0; size /= 2 {
		for at := len(ops) - size; at >= 0 && tries > 0; at -= size {
			less := slices.Concat(ops[:at], ops[at+size:])
			if tries--; fails(less) {
				ops = less
			}
		}
	}
	return ops
}

// TestShrink: shrink finds the two operations that matter among many.
func TestShrink(t *testing.T) {
	ops := randomOps(1, 300)
	matter := []modelOp{ops[17], ops[230]}
	got := shrink(ops, 1000,
		func(some []modelOp) bool { return slices.Contains(some, matter[0]) && slices.Contains(some, matter[1]) })
	if !slices.Equal(got, matter) {
		t.Errorf("%d are left: %v", len(got), got)
	}
}

// A modelRun runs operations on a node of its own.
type modelRun struct {
	dir, path string
	archive   *archive.Archive
	api       *API
	tokens    map[string]string
	groups    map[string]uint64
	fillers   []uint64 // groups that make the records of users longer
	m         *model
	saved     []byte // the model at the time of the last backup
	backups   int
	story     *bytes.Buffer
}

// playModel runs operations and returns how many succeeded. It writes each request to story, unless
// that is nil.
func playModel(dir string, ops []modelOp, story *bytes.Buffer) (done int, err error) {
	x := &modelRun{dir: dir, path: filepath.Join(dir, "model.db"), tokens: map[string]string{},
		groups: map[string]uint64{}, story: story, m: newModel()}
	if err := x.begin(); err != nil {
		return 0, err
	}
	for i, op := range ops {
		at := slices.IndexFunc(modelKinds, func(k struct {
			name   string
			weight int
			do     func(*modelRun, string, *rand.Rand) error
		}) bool {
			return k.name == op.kind
		})
		if err := modelKinds[at].do(x, op.who, rand.New(rand.NewPCG(op.seed, 0))); err != nil {
			return i, errors.Join(fmt.Errorf("%s as %q in the mode %s: %w", op.kind, op.who, x.m.Mode, err),
				x.archive.Close())
		}
	}
	if err := x.archive.Close(); err != nil {
		return len(ops), err
	}
	r, err := archive.Check(context.Background(), x.path, archive.VerifyOptions{})
	if err == nil {
		err = r.Err()
	}
	return len(ops), err
}

func (x *modelRun) open() (err error) {
	if x.archive, err = archive.Open(x.path, archive.Options{NoSync: true}); err == nil {
		x.api = New(x.archive, Options{})
	}
	return err
}

// modelFillers is a number of groups that makes a user's record longer than 2,048 bytes.
const modelFillers = 800

// begin creates the groups and the users, without passwords, which are slow.
func (x *modelRun) begin() error {
	if err := x.open(); err != nil {
		return err
	}
	owner, a, ctx := auth.FileOwner(), x.archive.Auth(), context.Background()
	for _, name := range []string{"Observers", "Readers"} {
		g, err := a.CreateGroup(ctx, owner, name)
		if err != nil {
			return err
		}
		x.groups[name] = g.ID
	}
	for i := range modelFillers {
		g, err := a.CreateGroup(ctx, owner, fmt.Sprint("Filler ", i))
		if err != nil {
			return err
		}
		x.fillers = append(x.fillers, g.ID)
	}
	for _, name := range modelUsers[:5] {
		super := name == "admin"
		in := auth.UserChange{Name: &name, Superuser: &super, Groups: &[]auth.GroupRef{}}
		for _, g := range x.m.Groups[name] {
			*in.Groups = append(*in.Groups, auth.GroupRef{Name: g})
		}
		u, err := a.CreateUser(ctx, owner, in)
		if err != nil {
			return err
		}
		t, err := a.CreateToken(ctx, owner, auth.NewToken{User: u.ID})
		if err != nil {
			return err
		}
		x.tokens[name] = t.Secret
	}
	return nil
}

// said is an answer.
type said struct {
	status int
	body   []byte
	value  map[string]any // the decoded object, if it is one
	what   string
}

// ask sends a request to the handler. A body that is neither raw nor a form is sent as JSON.
func (x *modelRun) ask(who, method, path string, body any) said {
	r := httptest.NewRequest(method, path, nil)
	text := ""
	switch v := body.(type) {
	case nil:
	case raw:
		r = httptest.NewRequest(method, path, strings.NewReader(v.text))
		r.Header.Set("Content-Type", v.kind)
		text = v.text
	case *form:
		b := v.body()
		text = v.b.String()
		r = httptest.NewRequest(method, path, b)
		r.Header.Set("Content-Type", v.w.FormDataContentType())
	default:
		b, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		return x.ask(who, method, path, jsonText(string(b)))
	}
	if who != "" {
		r.Header.Set("Authorization", "Token "+x.tokens[who])
	}
	w := httptest.NewRecorder()
	x.api.ServeHTTP(w, r)
	s := said{status: w.Code, body: w.Body.Bytes(),
		what: fmt.Sprintf("%s %s as %q with %.500s", method, path, who, text)}
	json.Unmarshal(s.body, &s.value)
	if x.story != nil {
		fmt.Fprintf(x.story, "%s\n    %d %.300s\n", s.what, s.status, s.body)
	}
	return s
}

// want checks the status, and that a 400 names exactly these fields.
func (s said) want(status int, fields ...string) error {
	if s.status != status {
		return fmt.Errorf("%s: status %d, want %d %v: %.400s", s.what, s.status, status, fields, s.body)
	}
	if status == 400 {
		var got []string
		for k := range s.value {
			got = append(got, k)
		}
		slices.Sort(got)
		slices.Sort(fields)
		if fields = slices.Compact(fields); !slices.Equal(got, fields) {
			return fmt.Errorf("%s: problems with %v, want %v: %.400s", s.what, got, fields, s.body)
		}
	}
	return nil
}

func (s said) id() uint64 {
	f, _ := s.value["id"].(float64)
	return uint64(f)
}

// Operations on the whole node.

func (x *modelRun) reopen(string, *rand.Rand) error {
	if err := x.archive.Close(); err != nil {
		return err
	}
	return x.open()
}

func (x *modelRun) compact(string, *rand.Rand) error {
	return x.ask("admin", "POST", "/api/node/compact/", nil).want(200)
}

func (x *modelRun) reindex(string, *rand.Rand) error {
	return x.ask("admin", "POST", "/api/node/reindex/", nil).want(202)
}

func (x *modelRun) verify(string, *rand.Rand) error {
	s := x.ask("admin", "POST", "/api/node/verify/", jsonText("{}"))
	if s.value["good"] != true {
		return fmt.Errorf("%s: %d %.600s", s.what, s.status, s.body)
	}
	return nil
}

func (x *modelRun) backupPath() string {
	return filepath.Join(x.dir, fmt.Sprintf("backup%d.db", x.backups))
}

func (x *modelRun) backup(string, *rand.Rand) (err error) {
	x.backups++
	if _, err = x.archive.For(auth.FileOwner()).Backup(context.Background(), x.backupPath()); err != nil {
		return err
	}
	x.saved, err = json.Marshal(x.m)
	return err
}

// restore restores the last backup, but keeps the index of the current file. The model, too,
// forgets all later changes.
func (x *modelRun) restore(string, *rand.Rand) error {
	if x.saved == nil {
		return nil
	}
	if err := errors.Join(x.archive.Close(), os.Remove(x.path)); err != nil {
		return err
	}
	err := archive.Restore(context.Background(), x.backupPath(), x.path, func(path string) error {
		r, err := archive.Check(context.Background(), path, archive.VerifyOptions{})
		if err == nil {
			err = r.Err()
		}
		return err
	})
	if err != nil {
		return err
	}
	x.m = newModel()
	clear(x.m.Groups)
	if err := json.Unmarshal(x.saved, x.m); err != nil {
		return err
	}
	return x.open()
}

func (x *modelRun) setMode(_ string, r *rand.Rand) error {
	x.m.Mode = one(r, auth.ModeTargets, auth.ModeObjects)
	return x.ask("admin", "PUT", "/api/settings/permissions/", map[string]any{"value": x.m.Mode}).want(200)
}

func (x *modelRun) setStrategy(_ string, r *rand.Rand) error {
	x.m.Strategy = one(r, auth.ReadOnly, auth.ReadOnly, auth.Locked)
	return x.ask("admin", "PUT", "/api/settings/auth_strategy/", map[string]any{"value": x.m.Strategy}).want(200)
}

// member changes the groups of a user.
func (x *modelRun) member(_ string, r *rand.Rand) error {
	who, list := one(r, "astro", "carol", "bob", "eve"), []string{}
	for _, g := range some(r, "Observers", "Readers") {
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	s := x.ask("admin", "GET", "/api/users/?username="+who, nil)
	if err := s.want(200); err != nil {
		return err
	}
	id := s.value["results"].([]any)[0].(map[string]any)["id"]
	x.m.Groups[who] = list
	refs := x.refs(list)
	if r.IntN(4) == 0 {
		for _, id := range x.fillers {
			refs = append(refs, map[string]any{"id": id})
		}
	}
	return x.ask("admin", "PATCH", fmt.Sprintf("/api/users/%v/", id), map[string]any{"groups": refs}).want(200)
}

// refs returns references to groups by id.
func (x *modelRun) refs(names []string) []map[string]any {
	list := []map[string]any{}
	for _, n := range names {
		list = append(list, map[string]any{"id": x.groups[n]})
	}
	return list
}

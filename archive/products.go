package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"nightjar/auth"
	"nightjar/ingest"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// ProductView is a data product as a viewer sees it: without its observation if that is hidden, and
// with a path that does not tell the target's name if the target is hidden (see shownPath).
type ProductView struct {
	*Product
	Groups []auth.GroupInfo
}

// ProductFilter selects data products. All conditions that are given must hold.
type ProductFilter struct {
	TargetName string // a name or an alias of the target contains it
	Facility   string // of the product's observation
	Target     Opt[uint64]
}

func (s *Session) productView(tx *kv.Tx, p *Product, t *Target) (*ProductView, error) {
	groups, err := s.groupInfos(tx, p.Groups, s.v.Holds(auth.Change, t.Object()) ||
		slices.ContainsFunc(p.Holders(), s.v.Is))
	shown := *p
	if err == nil && p.Observation != 0 {
		if _, err = s.observation(tx, p.Observation); isRefusal(err) {
			shown.Observation, err = 0, nil
		}
	}
	if err == nil {
		shown.Path, err = s.shownPath(tx, p)
	}
	return &ProductView{&shown, groups}, err
}

// shownPath returns the path of a product's file as the viewer sees it. The first part of the real
// path is the name of the target. If the target is hidden, the product's id replaces it.
func (s *Session) shownPath(tx *kv.Tx, p *Product) (string, error) {
	hidden, err := s.hides(tx, p.Target)
	if err != nil || !hidden {
		return p.Path, err
	}
	return p.plainPath(), nil
}

// plainFolder begins the first part of a plain path, before the id. No slug has a dot, so no real
// path begins like this.
const plainFolder = "product."

// plainPath is the path of the product's file that does not name the target.
func (p *Product) plainPath() string {
	_, rest, _ := strings.Cut(p.Path, "/")
	return fmt.Sprintf("%s%d/%s", plainFolder, p.ID, rest)
}

// ofPlainPath returns the id in a plain path, 0 if it is none.
func ofPlainPath(path string) uint64 {
	text, plain := strings.CutPrefix(path, plainFolder)
	text, _, _ = strings.Cut(text, "/")
	id, err := strconv.ParseUint(text, 10, 63)
	if !plain || err != nil {
		return 0
	}
	return id
}

func (s *Session) productSet(tx *kv.Tx, f ProductFilter, q *nameQuery) (kv.Set, error) {
	sets := []kv.Set{visible(s, tx, products, true)}
	if q != nil {
		found, err := q.in(tx)
		if err != nil {
			return kv.Set{}, err
		}
		sets = append(sets, products.UnionOf(tx, dimTarget, found))
		if s.byHolder() {
			sets = append(sets, ofSeenTargets(s, tx, products))
		}
	}
	if f.Facility != "" {
		sets = append(sets, products.Set(tx, dimFacility, kv.Text(f.Facility)))
	}
	if f.Target.Given {
		sets = append(sets, products.Set(tx, dimTarget, kv.Int(f.Target.Value)))
	}
	return kv.And(sets...), nil
}

// ProductOut takes a list of products. Each product is followed by its datums, unless Datum is nil,
// and by End. The rules are those of Out; Product must not be nil.
type ProductOut struct {
	Begin   func(Extent) error
	Product func(*ProductView) error
	Datum   func(*DatumView) error // nil omits the datums
	End     func() error
	Flush   func() error
	Full    func() bool
}

// Products lists the visible data products, newest first, with their datums.
func (s *Session) Products(ctx context.Context, f ProductFilter, page Page, out ProductOut) error {
	var q *nameQuery
	if f.TargetName != "" {
		q = s.a.findNames(ctx, anyContains, f.TargetName)
	}
	w := &productWalk{out: out, datum: datumRow()}
	err := s.view(func(s *Session, tx *kv.Tx) error {
		set, err := s.productSet(tx, f, q)
		if err != nil {
			return err
		}
		ids, extent, err := page.of(set, true)
		if err != nil {
			return err
		}
		w.begun, w.products = s, ids
		if out.Begin != nil {
			if extent.State, err = s.state(tx); err != nil {
				return err
			}
			if err := out.Begin(extent); err != nil {
				return err
			}
		}
		return w.sendSome(s, tx)
	})
	return w.finish(ctx, err)
}

// finish continues in more transactions until everything is sent.
func (w *productWalk) finish(ctx context.Context, err error) error {
	for err == nil {
		if w.out.Flush != nil {
			err = w.out.Flush()
		}
		if err != nil || w.done() {
			break
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err = w.begun.viewOn(w.sendSome)
	}
	return err
}

// productWalk sends products and their datums in pieces.
type productWalk struct {
	begun    *Session // the session in the first transaction
	out      ProductOut
	datum    reader[DatumView]
	products []uint64
	datums   []uint64 // the datums left of the open product
	open     bool
}

func (w *productWalk) done() bool { return len(w.products) == 0 && !w.open }

// sendSome sends at most rowsAtOnce rows.
func (w *productWalk) sendSome(s *Session, tx *kv.Tx) error {
	var row DatumView
	for n := 0; n < rowsAtOnce && !w.done() && (n == 0 || w.out.Full == nil || !w.out.Full()); n++ {
		if !w.open {
			if err := w.next(s, tx); err != nil {
				return err
			}
			continue
		}
		if len(w.datums) == 0 {
			w.open = false
			if w.out.End != nil {
				if err := w.out.End(); err != nil {
					return err
				}
			}
			continue
		}
		id := w.datums[0]
		w.datums = w.datums[1:]
		ok, err := w.datum(s, tx, id, &row)
		if err == nil && ok {
			err = w.out.Datum(&row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next opens the next product, if the viewer still sees it.
func (w *productWalk) next(s *Session, tx *kv.Tx) error {
	id := w.products[0]
	w.products = w.products[1:]
	p, t, err := s.product(tx, id)
	if isRefusal(err) {
		return goneOrHidden(tx, products, id)
	}
	if err != nil {
		return err
	}
	if w.out.Datum != nil {
		data, err := s.shownBy(tx, []uint64{id})
		if err == nil {
			w.datums, err = data.IDs()
		}
		if err != nil {
			return err
		}
	}
	v, err := s.productView(tx, p, t)
	if err == nil {
		err = w.out.Product(v)
	}
	w.open = err == nil
	return err
}

// Product reads one data product with its datums. Error: NotFound.
func (s *Session) Product(ctx context.Context, id uint64, out ProductOut) error {
	w := &productWalk{out: out, datum: datumRow(), products: []uint64{id}}
	err := s.view(func(s *Session, tx *kv.Tx) error {
		w.begun = s
		if _, _, err := s.product(tx, id); err != nil {
			return err
		}
		return w.sendSome(s, tx)
	})
	return w.finish(ctx, err)
}

// DeleteProduct deletes a data product with its file and its datums, except for datums that also
// have another source. When those are many, the product is removed from them in pieces first.
// Errors: NotFound; Forbidden.
func (s *Session) DeleteProduct(ctx context.Context, id uint64) error {
	var work uint64
	var begun bool // by another request
	err := s.free(ctx, func(s *Session, tx *kv.WriteTx) error {
		work, begun = 0, false
		p, t, err := s.product(tx.Tx, id)
		if err != nil {
			return err
		}
		if !s.p.MayDeleteHeld(s.v, t.Object(), p.Holders()) {
			return problem.ErrForbidden
		}
		_, shared := datumsOf(tx.Tx, id)
		n, err := shared.Count()
		if err != nil {
			return err
		}
		// Another product may be about to be added to datums that only this one has.
		waits := n > s.a.o.PieceRows
		err = pendingWork(tx.Tx, p.Target, func(wid uint64, w *Work) (bool, error) {
			waits = true
			if begun = w.Kind == workDrop && w.Product == id; begun {
				work = wid
			}
			return !begun, nil
		})
		if err != nil || begun {
			return err
		}
		if !waits {
			_, err := s.a.dropSome(tx, id)
			return err
		}
		w := newWork(tx, workDrop)
		w.Product, w.Target = id, p.Target
		work, err = works.Insert(tx, w)
		return err
	})
	if err == nil {
		err = s.a.worker.wait(ctx, work)
	}
	if err == nil && begun {
		err = problem.Missing("DataProduct")
	}
	return err
}

// A FileView reads an uploaded file, in short transactions so that a slow reader blocks nothing. A
// read fails when the file was deleted or the viewer no longer sees it.
type FileView struct {
	*Product
	*io.SectionReader
}

// watchedFile reads the content of a file while the viewer sees it. It checks that once a megabyte:
// a check for each read would take a tenth of the time of a download.
type watchedFile struct {
	s       *Session
	product uint64
	content io.ReaderAt
	left    atomic.Int64 // bytes until the next check
}

const lookAgain = 1 << 20

func (w *watchedFile) ReadAt(b []byte, at int64) (int, error) {
	if w.left.Add(-int64(len(b))) < 0 {
		w.left.Store(lookAgain)
		err := w.s.view(func(s *Session, tx *kv.Tx) error {
			_, _, err := s.product(tx, w.product)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return w.content.ReadAt(b, at)
}

func (f *FileView) ingestFile() ingest.File {
	return ingest.File{Name: path.Base(f.Path), Size: f.SectionReader.Size(), Content: f.SectionReader}
}

// File finds the file of a data product by its path below /data/, the real one or the one of
// shownPath. Error: NotFound.
func (s *Session) File(path string) (f *FileView, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		id, ok, err := tx.Lookup(kindPath, path)
		if err != nil {
			return err
		}
		if !ok {
			id = ofPlainPath(path)
		}
		p, _, err := s.product(tx, id)
		if err == nil && !ok && p.plainPath() != path {
			err = problem.Missing("DataProduct")
		}
		if err != nil {
			return err
		}
		w := &watchedFile{s: s, product: id, content: s.a.db.OpenBlob(p.Blob, int64(p.Size))}
		f = &FileView{p, io.NewSectionReader(w, 0, int64(p.Size))}
		return nil
	})
	return f, err
}

// BeginUpload begins to store a file, which Upload makes a data product, or Abort deletes.
func (s *Session) BeginUpload(ctx context.Context) (*FileUpload, error) {
	if err := s.p.MayWrite(s.v); err != nil {
		return nil, err
	}
	return &FileUpload{s.a.db.NewBlob(ctx)}, nil
}

// FileUpload is a file during its upload.
type FileUpload struct{ blob *kv.BlobWriter }

// Write appends to the file. Errors: ErrNoRoom, ErrFailed.
func (f *FileUpload) Write(p []byte) (int, error) { return f.blob.Write(p) }

// Size returns how many bytes were written.
func (f *FileUpload) Size() int64 { return f.blob.Size() }

// Abort deletes the file. After a successful Upload it does nothing.
func (f *FileUpload) Abort() error {
	if f.blob == nil {
		return nil
	}
	return f.blob.Abort()
}

var errNoFile = errors.New("the upload was aborted")

// cleanName returns the name under which a file is stored, as Django does: without folders, with
// underscores for blanks, and only letters, digits, dashes, underscores and dots.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.ReplaceAll(strings.TrimSpace(name), " ", "_")
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || strings.ContainsRune("-_.", r) {
			return r
		}
		return -1
	}, name)
	if name == "" || name == "." || name == ".." {
		return "file"
	}
	return name
}

// slug turns a name into a part of a path, as Django does: ASCII letters in lower case, digits,
// underscores, and dashes for blanks.
func slug(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'):
			b.WriteRune(unicode.ToLower(r))
		case r == '-' || r < utf8.RuneSelf && unicode.IsSpace(r):
			b.WriteByte(' ')
		}
	}
	return strings.Trim(strings.Join(strings.Fields(b.String()), "-"), "-_")
}

// newPath returns a free path for a file below /data/: target/facility/name, with a random suffix
// if needed.
func (s *Session) newPath(tx *kv.Tx, t *Target, facility, name string) (string, error) {
	folder := slug(t.Name)
	if folder == "" {
		folder = "target"
	}
	if facility = slug(facility); facility == "" {
		facility = "none"
	}
	name = cleanName(name)
	ext := path.Ext(name)
	for at := name; ; {
		p := folder + "/" + facility + "/" + at
		_, taken, err := tx.Lookup(kindPath, p)
		if err != nil || !taken {
			return p, err
		}
		suffix, err := s.randomSuffix()
		if err != nil {
			return "", err
		}
		at = strings.TrimSuffix(name, ext) + "_" + suffix + ext
	}
}

func (s *Session) randomSuffix() (string, error) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, 7)
	if _, err := io.ReadFull(s.a.o.Random, b); err != nil {
		return "", err
	}
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b), nil
}

// contentTypes lists the types of common files by extension.
var contentTypes = map[string]string{
	".csv": "text/csv", ".tsv": "text/tab-separated-values", ".txt": "text/plain", ".dat": "text/plain",
	".ascii": "text/plain", ".ecsv": "text/plain", ".psv": "text/plain", ".log": "text/plain",
	".json": "application/json", ".xml": "application/xml", ".vot": "application/x-votable+xml",
	".fits": "application/fits", ".fit": "application/fits", ".fts": "application/fits", ".fz": "application/fits",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".svg": "image/svg+xml", ".pdf": "application/pdf",
	".gz": "application/gzip", ".html": "text/html", ".htm": "text/html",
}

func contentType(name string) string {
	if t, ok := contentTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}

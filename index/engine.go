package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	indexapi "github.com/blevesearch/bleve_index_api"
)

// The fields of a document, and what their terms are. A document is a target or a
// source. Nothing is stored: the id of a document says all that an answer needs.
const (
	nameGrams   = "name"   // the grams of each folded name of a target
	simpleName  = "simple" // each simplified name of a target, whole
	sourceGrams = "source" // the grams of a folded source name
	longName    = "long"   // the terms aTarget and aSource, of those with a name over maxName

	aTarget = "target"
	aSource = "source"
)

// maxName is the longest name, in bytes, that is split into grams. No name should be
// half as long. A target with a longer one is a candidate for every text, and with a
// longer source name no question for sources is answered. So the answers stay right
// and the memory bounded: Bleve reserves for a batch by the size that each
// document of the last one came to.
const maxName = 2048

// fieldOptions index a field for search without scores, and nothing else.
const fieldOptions = indexapi.IndexField | indexapi.SkipFreqNorm

// The keys of Bleve's internal values, which are stored in one snapshot with the
// documents of their batch.
var (
	markKey = []byte("nightjar mark")
	// partKey is there while an Apply of several batches has stored some of them.
	partKey = []byte("nightjar part")
)

const markSize = 8 + 32

// An engine is one open Bleve index: one generation of an Index.
type engine struct {
	bleve bleve.Index
	path  string // empty in memory
	trial bool   // opened after a crash, and no change since; guarded by Index.writing

	// searches is cancelled to end the running searches, which running counts.
	searches context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

func newEngine(b bleve.Index, path string) *engine {
	e := &engine{bleve: b, path: path}
	e.searches, e.cancel = context.WithCancel(context.Background())
	return e
}

// createEngine makes a new, empty Bleve index in the folder path, which must not
// be there; in memory when path is empty.
func createEngine(path string, limit time.Duration) (*engine, error) {
	register.Do(registerCallbacks)
	return opened(path, limit, func() (bleve.Index, error) {
		return bleve.NewUsing(path, emptyMapping(), scorch.Name, scorch.Name, settings())
	})
}

// openEngine opens the Bleve index in the folder path.
func openEngine(path string, limit time.Duration) (*engine, error) {
	register.Do(registerCallbacks)
	return opened(path, limit, func() (bleve.Index, error) {
		return bleve.OpenUsing(path, settings())
	})
}

// opened runs open under the watchdog. An index that opens after all when nobody
// waits for it any more is closed.
func opened(path string, limit time.Duration, open func() (bleve.Index, error)) (*engine, error) {
	result := make(chan bleve.Index, 1)
	err := within(limit, func() error {
		defer close(result)
		b, err := open()
		if err == nil {
			result <- b
		}
		return err
	})
	if errors.Is(err, ErrStuck) {
		go func() {
			if late, ok := <-result; ok {
				late.Close()
			}
		}()
	}
	if err != nil {
		return nil, err
	}
	return newEngine(<-result, path), nil
}

// emptyMapping maps nothing: documents are built by hand, field by field, and the
// mapping is there because Bleve wants one.
func emptyMapping() *mapping.IndexMappingImpl {
	m := bleve.NewIndexMapping()
	m.DefaultMapping = bleve.NewDocumentStaticMapping()
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	return m
}

// settings are those of scorch. Batches are safe (they return when they are on
// disk), which is the default. Bleve's own lock would wait for ever.
func settings() map[string]any {
	return map[string]any{
		"bolt_timeout":           "2s",
		"asyncErrorCallbackName": callbacks,
		"eventCallbackName":      callbacks,
	}
}

// callbacks is the name of our callbacks in Bleve's registries.
const callbacks = "nightjar"

// register guards the entries that this package makes in Bleve's global
// registries of callbacks, which are bare maps and have no other way in.
var register sync.Once

// registerCallbacks has Bleve's persister and merger call these functions, in their
// own goroutines.
func registerCallbacks() {
	// After a failure, a full disk for one, they try again at once and without end.
	scorch.RegistryAsyncErrorCallbacks[callbacks] = func(err error, path string) {
		if errors.Is(err, scorch.ErrPersist) {
			time.Sleep(200 * time.Millisecond)
		}
	}
	// They recover from their panics. When somebody cuts a file that they have mapped
	// the fault is to be one, too, and not the end of the process: they ask these two
	// before they read.
	scorch.RegistryEventCallbacks[callbacks] = func(e scorch.Event) bool {
		if e.Kind == scorch.EventKindPurgerCheck || e.Kind == scorch.EventKindPreMergeCheck {
			debug.SetPanicOnFault(true)
		}
		return true
	}
}

// close ends the running searches and closes Bleve, but waits no longer than
// limit for the latter. The zero limit does not wait: it is for a Bleve that is
// known to be stuck, whose Close would wait for what will not come.
func (e *engine) close(limit time.Duration) error {
	e.cancel()
	e.running.Wait()
	if limit == 0 {
		go func() { _ = safely(e.bleve.Close) }()
		return nil
	}
	return within(limit, e.bleve.Close)
}

// reader returns a reader of the documents as they are now, whatever is applied
// while it is open. It must be closed before the engine is.
func (e *engine) reader() (indexapi.IndexReader, error) {
	b, err := e.bleve.Advanced()
	if err != nil {
		return nil, err
	}
	return b.Reader()
}

// state reads what the index says of itself: its mark, whether an Apply was left
// unfinished, and the number of documents.
func (e *engine) state() (m Mark, part bool, documents uint64, err error) {
	err = safely(func() error {
		value, err := e.bleve.GetInternal(markKey)
		if err != nil {
			return err
		}
		if value != nil {
			if m, err = decodeMark(value); err != nil {
				return err
			}
		}
		value, err = e.bleve.GetInternal(partKey)
		if err != nil {
			return err
		}
		part = value != nil
		documents, err = e.bleve.DocCount()
		return err
	})
	return m, part, documents, err
}

// encode returns the mark as it is stored: Seq (8 bytes, big endian), Hash.
func (m Mark) encode() []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, markSize), m.Seq), m.Hash[:]...)
}

// decodeMark is the reverse of encode.
func decodeMark(b []byte) (m Mark, err error) {
	if len(b) != markSize {
		return m, fmt.Errorf("a mark of %d bytes", len(b))
	}
	m.Seq = binary.BigEndian.Uint64(b)
	copy(m.Hash[:], b[8:])
	return m, nil
}

// targetDocument returns the id of a target's document: t and the id in hex.
func targetDocument(id uint64) string { return fmt.Sprintf("t%010x", id) }

// documentTarget is the reverse of targetDocument.
func documentTarget(doc string) (uint64, error) {
	digits, ok := strings.CutPrefix(doc, "t")
	if !ok {
		return 0, fmt.Errorf("document %q is not a target", doc)
	}
	return strconv.ParseUint(digits, 16, 64)
}

// sourceDocument returns the id of a source's document: s and the name itself. Those
// with long names share one.
func sourceDocument(name string) string {
	if len(name) > maxName {
		return longSources
	}
	return "s" + name
}

const longSources = "S"

// documentSource is the reverse of sourceDocument. Of longSources it returns
// errTooMany: only a scan tells them.
func documentSource(doc string) (string, error) {
	if doc == longSources {
		return "", errTooMany
	}
	name, ok := strings.CutPrefix(doc, "s")
	if !ok {
		return "", fmt.Errorf("document %q is not a source", doc)
	}
	return name, nil
}

// newTarget returns the document of t, which has names.
func newTarget(t Target) *document.Document {
	doc := document.NewDocument(targetDocument(t.ID))
	long := false
	for _, name := range t.Names {
		if len(name) > maxName {
			long = true
			continue
		}
		doc.AddField(newField(nameGrams, Fold(name), gramAnalyzer{}))
		if simple := Simplify(name); simple != "" {
			doc.AddField(newField(simpleName, simple, nil))
		}
	}
	if long {
		doc.AddField(newField(longName, aTarget, nil))
	}
	return doc
}

// newSource returns the document of a source name.
func newSource(name string) *document.Document {
	doc := document.NewDocument(sourceDocument(name))
	if len(name) > maxName {
		doc.AddField(newField(longName, aSource, nil))
	} else {
		doc.AddField(newField(sourceGrams, Fold(name), gramAnalyzer{}))
	}
	return doc
}

// newField returns a field with the terms that the analyzer finds in text, or with
// text as its one term when there is no analyzer.
func newField(field, text string, a analysis.Analyzer) *document.TextField {
	return document.NewTextFieldCustom(field, nil, []byte(text), fieldOptions, a)
}

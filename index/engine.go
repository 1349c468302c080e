package index

import (
	"context"
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

// The fields of a document, and what their terms are. Nothing is stored: the id of a document is
// all that an answer needs.
const (
	nameGrams  = "name"   // the grams of each folded name of a target
	simpleName = "simple" // each simplified name of a target, whole
)

// fieldOptions index a field for search without scores, and nothing else.
const fieldOptions = indexapi.IndexField | indexapi.SkipFreqNorm

// An engine is one open Bleve index: one generation of an Index.
type engine struct {
	bleve      bleve.Index
	generation uint64

	// searches is cancelled to end the running searches, which running counts.
	searches context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// createEngine makes a new, empty Bleve index in the folder path, which must not exist.
func createEngine(path string, generation uint64) (*engine, error) {
	return opened(generation, func() (bleve.Index, error) {
		return bleve.NewUsing(path, emptyMapping(), scorch.Name, scorch.Name, settings())
	})
}

// openEngine opens the Bleve index in the folder path.
func openEngine(path string, generation uint64) (*engine, error) {
	return opened(generation, func() (bleve.Index, error) { return bleve.OpenUsing(path, settings()) })
}

func opened(generation uint64, open func() (bleve.Index, error)) (e *engine, err error) {
	register.Do(registerCallbacks)
	e = &engine{generation: generation}
	err = safely(func() (err error) { e.bleve, err = open(); return err })
	if err != nil {
		return nil, err
	}
	e.searches, e.cancel = context.WithCancel(context.Background())
	return e, nil
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

// newTarget returns the document of t, which has names.
func newTarget(t Target) *document.Document {
	doc := document.NewDocument(targetDocument(t.ID))
	for _, name := range t.Names {
		doc.AddField(newField(nameGrams, Fold(name), gramAnalyzer{}))
		if simple := Simplify(name); simple != "" {
			doc.AddField(newField(simpleName, simple, nil))
		}
	}
	return doc
}

// newField returns a field with the terms that the analyzer finds in text, or with text as its one
// term when there is no analyzer.
func newField(field, text string, a analysis.Analyzer) *document.TextField {
	return document.NewTextFieldCustom(field, nil, []byte(text), fieldOptions, a)
}

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

// The fields of a document. No values are stored, because answers need only the id of a document.
const (
	nameGrams  = "name"   // terms: the grams of each folded name
	simpleName = "simple" // terms: the simplified names
)

// fieldOptions index a field for searches without scores.
const fieldOptions = indexapi.IndexField | indexapi.SkipFreqNorm

// An engine is an open Bleve index, which is one generation of an Index.
type engine struct {
	bleve      bleve.Index
	generation uint64

	// searches is the context of the running searches, which running counts.
	searches context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// createEngine creates an empty Bleve index in the folder path, which must not exist.
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

// emptyMapping maps nothing. Bleve requires a mapping, but documents are built field by field.
func emptyMapping() *mapping.IndexMappingImpl {
	m := bleve.NewIndexMapping()
	m.DefaultMapping = bleve.NewDocumentStaticMapping()
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	return m
}

// settings returns the settings of scorch. By default batches are safe: they return when they are
// on disk. The timeout is for Bleve's own lock, which would wait forever.
func settings() map[string]any {
	return map[string]any{
		"bolt_timeout":           "2s",
		"asyncErrorCallbackName": callbacks,
		"eventCallbackName":      callbacks,
	}
}

// callbacks is the name of this package's callbacks in Bleve's registries.
const callbacks = "nightjar"

// register guards the entries of this package in Bleve's global registries of callbacks, which are
// plain maps.
var register sync.Once

// registerCallbacks registers functions that Bleve's persister and merger call in their goroutines.
func registerCallbacks() {
	// After a failure, such as a full disk, they retry at once and forever.
	scorch.RegistryAsyncErrorCallbacks[callbacks] = func(err error, path string) {
		if errors.Is(err, scorch.ErrPersist) {
			time.Sleep(200 * time.Millisecond)
		}
	}
	// They recover from panics. If somebody truncates a mapped file, the fault must become a panic,
	// too, and not crash the process. They send these events before they read.
	scorch.RegistryEventCallbacks[callbacks] = func(e scorch.Event) bool {
		if e.Kind == scorch.EventKindPurgerCheck || e.Kind == scorch.EventKindPreMergeCheck {
			debug.SetPanicOnFault(true)
		}
		return true
	}
}

// close cancels the running searches and closes Bleve, for which it waits at most limit. A zero
// limit does not wait: it is for a stuck Bleve, whose Close would not return.
func (e *engine) close(limit time.Duration) error {
	e.cancel()
	e.running.Wait()
	if limit == 0 {
		go func() { _ = safely(e.bleve.Close) }()
		return nil
	}
	return within(limit, e.bleve.Close)
}

// reader returns a reader of the current documents, which later changes do not affect. It must be
// closed before the engine.
func (e *engine) reader() (indexapi.IndexReader, error) {
	b, err := e.bleve.Advanced()
	if err != nil {
		return nil, err
	}
	return b.Reader()
}

// targetDocument returns the id of the document of a target: "t" and the id in hex.
func targetDocument(id uint64) string { return fmt.Sprintf("t%010x", id) }

// documentTarget is the reverse of targetDocument.
func documentTarget(doc string) (uint64, error) {
	digits, ok := strings.CutPrefix(doc, "t")
	if !ok {
		return 0, fmt.Errorf("document %q is not a target", doc)
	}
	return strconv.ParseUint(digits, 16, 64)
}

// newTarget returns the document of t, which must have names.
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

// newField returns a field with the terms that the analyzer finds in text. Without an analyzer,
// text is the only term.
func newField(field, text string, a analysis.Analyzer) *document.TextField {
	return document.NewTextFieldCustom(field, nil, []byte(text), fieldOptions, a)
}

package api

import (
	"encoding/json"

	"nightjar/api/wire"
	"nightjar/archive"
)

// processingFailed is what a TOM says, whatever was wrong.
const processingFailed = "There was an error in processing your DataProduct into individual ReducedDatum objects."

func writeProcessingError(w *wire.Writer, e *archive.ProcessingError) {
	w.Object(func() {
		w.TextMember("Data processing error", processingFailed)
		w.Key("report")
		writeReport(w, e.Report)
	})
}

// writeReport writes what was found in a file and what became of it.
func writeReport(w *wire.Writer, report *archive.Report) {
	b, err := json.Marshal(report)
	if err != nil {
		panic(err) // it holds nothing that JSON has no form for
	}
	w.Raw(b)
}

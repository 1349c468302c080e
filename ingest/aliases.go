package ingest

import "nightjar/ingest/bounded"

// What is handed over, and what is wrong with it; see package bounded.
type (
	File    = bounded.File
	Problem = bounded.Problem
	Error   = bounded.Error
)

package ingest

import (
	"slices"
	"strings"
)

// alertRecords are the members of an alert that are one record: the detection for which the alert
// was sent. Those before it are in a list beside it. Sources: zwickytransientfacility.github.io/
// ztf-avro-alert, sdm-schemas.lsst.io/apdb (alert packets).
var alertRecords = []string{"candidate", "diasource"}

// isAlertRecord reports whether the walk has entered such a record of the document.
func (w jsonWalk) isAlertRecord() bool {
	if len(w.Stack) != 2 || w.Stack[0].List {
		return false
	}
	for _, name := range alertRecords {
		if strings.EqualFold(w.Stack[0].Key, name) {
			return true
		}
	}
	return false
}

// isOtherRecord reports whether a list is one record with the name of an alert's, but without a
// time.
func (l *jsonList) isOtherRecord() bool {
	return slices.Contains(alertRecords, strings.ToLower(l.key)) && l.records == 1 &&
		!slices.ContainsFunc(l.names, func(name string) bool {
			switch strings.ToLower(name) {
			case "jd", "midpointmjdtai", "midpointtai":
				return true
			}
			return false
		})
}

// jsonLists names the lists of records that are read together, the most specific first. The lists
// of forced photometry in alerts are read only if there are no detections: they measure the same
// exposures once more.
var jsonLists = [][]string{{"photometry"}, {"detections", "non_detections"}, {"candidates"},
	{"candidate", "prv_candidates"}, {"diasource", "prvdiasources"}, {"diasourceslist"}, {"diasources"},
	{"prvdiaforcedsources"}, {"diaforcedsourceslist"}, {"diaforcedsources"}}

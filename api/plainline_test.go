package api

import (
	"fmt"
	"testing"

	"nightjar/internal/dataset"
	"nightjar/internal/jsontext"
)

// samePlain compares what is read of a line in the quick and in the thorough way.
func samePlain(t *testing.T, line string) (plain bool) {
	t.Helper()
	var p plainLines
	quick, plain := p.read([]byte(line))
	if !plain {
		return false
	}
	thorough := new(rowReader).datum([]byte(line))
	var err error
	if thorough.Value, err = jsontext.Compact(nil, thorough.Value); err != nil {
		t.Errorf("%s: %v", line, err)
	}
	thorough.Compact = true
	if a, b := fmt.Sprintf("%#v", quick), fmt.Sprintf("%#v", thorough); a != b {
		t.Errorf("%s\nis %s\nnot %s", line, a, b)
	}
	return true
}

func TestPlainLines(t *testing.T) {
	for line, plain := range map[string]bool{
		`{"target":1,"data_type":"photometry","source_name":"ZTF","timestamp":"2010-01-01T00:00:00Z","value":{"magnitude":15.5}}`: true,
		` { "target" : 12 , "data_type": "x", "timestamp": "2010-01-01", "value" : [ 1, {"a" : "\u00e9"} ] } `:                    true,
		`{"target":1,"data_type":"a b","source_location":"","timestamp":"2010-01-01T00:00:00.123456+01:00","value":"x"}`:          true,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":null}`:                                            false,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z"}`:                                                         false,
		`{"target":1,"data_type":"p","timestamp":"2010-13-01T00:00:00Z","value":1}`:                                               false,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1e999}`:                                           false,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1} x`:                                             false,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1,}`:                                              false,
		`{"target":1,"target":2,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1}`:                                    false,
		`{"target":1.0,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1}`:                                             false,
		`{"target":0,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1}`:                                               false,
		`{"target":1,"data_type":" p","timestamp":"2010-01-01T00:00:00Z","value":1}`:                                              false,
		`{"target":1,"data_type":"","timestamp":"2010-01-01T00:00:00Z","value":1}`:                                                false,
		`{"target":1,"data_type":"p","extra":1,"timestamp":"2010-01-01T00:00:00Z","value":1}`:                                     false,
		`{"target":1,"data_type":"é","timestamp":"2010-01-01T00:00:00Z","value":1}`:                                               false,
		`{}`: false, `[]`: false, ``: false, `{`: false, `{"target":1`: false,
	} {
		if samePlain(t, line) != plain {
			t.Errorf("%s: plain is %t", line, !plain)
		}
	}
	for k := range 300 {
		if line := string(dataset.AppendDatum(nil, k, 7)); !samePlain(t, line) {
			t.Errorf("%s is not plain", line)
		}
	}
}

func FuzzPlainLines(f *testing.F) {
	f.Add(`{"target":1,"data_type":"photometry","source_name":"ZTF","timestamp":"2010-01-01T00:00:00Z","value":{"magnitude":15.5}}`)
	f.Add(` { "target" : 12 , "data_type": "x", "timestamp": "2010-01-01", "value" : [ 1, {"a" : "b"} ] } `)
	f.Fuzz(func(t *testing.T, line string) { samePlain(t, line) })
}

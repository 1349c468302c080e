package wire

import (
	"testing"

	"nightjar/internal/jsontext"
)

// TestPythonText: values in messages are written as Python does.
func TestPythonText(t *testing.T) {
	for text, want := range map[string]string{
		`"it's"`:                     `it's`,
		`null`:                       `None`,
		`true`:                       `True`,
		`12`:                         `12`,
		`1e2`:                        `100.0`,
		`[1,"a",[],{}]`:              `[1, 'a', [], {}]`,
		`{"b":1.50,"a":[null,true]}`: `{'b': 1.5, 'a': [None, True]}`,
		`["it's","\"","'\""]`:        `["it's", '"', '\'"']`,
		`["\n\\\u0007\u00e9\u200b"]`: `['\n\\\x07é\u200b']`,
	} {
		j, err := jsontext.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := pythonText(FromJSON(j)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

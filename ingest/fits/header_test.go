package fits

import (
	"testing"

	"nightjar/ingest/fits/fitstest"
)

func TestFITSHeader(t *testing.T) {
	data := fitstest.Header("SIMPLE  =                    T / a comment",
		"TEXT    = 'it''s / no comment  ' / a comment", "EMPTY   = ''", "NUMBER  = -1.5D-03 / a comment",
		"WHOLE   =                  +42",
		"LONG    = 'one &' / first", "CONTINUE  'two&'", "CONTINUE  ' three' / last",
		"HIERARCH ESO Obs  ID = 123 / kept whole", "COMMENT = 'no value'", "HISTORY x", "", "NOVALUE no equals sign",
		"NUMBER  = 2 / the second does not count", "CONTINUE  'belongs to nothing'", "FREE    =abc",
		"ODD     = caf\xe9 / not ASCII")
	h, end, err := ReadHeader(fitstest.FileOf(data), 1, 0, nil)
	if err != nil || end != BlockSize {
		t.Fatal(err, end)
	}
	for key, want := range map[string]string{"SIMPLE": "T", "TEXT": "it's / no comment",
		"NUMBER": "-1.5D-03", "WHOLE": "+42",
		"LONG": "one two three", "HIERARCH ESO OBS ID": "123", "ODD": "caf?"} {
		if got, ok := h.Text(key); !ok || got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"EMPTY", "COMMENT", "NOVALUE", "HISTORY", "FREE", ""} {
		if got, ok := h.Text(key); ok {
			t.Errorf("%s is %q", key, got)
		}
	}
	if v, there, err := h.number("NUMBER"); v != -1.5e-3 || !there || err != nil {
		t.Error(v, there, err)
	}
	if v, there, err := h.integer("WHOLE"); v != 42 || !there || err != nil {
		t.Error(v, there, err)
	}
	if _, _, err := h.integer("NUMBER"); err == nil {
		t.Error("-1.5D-03 is an integer")
	}
	if _, _, err := h.number("TEXT"); err == nil {
		t.Error("text is a number")
	}
}

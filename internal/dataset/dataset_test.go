package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
)

// TestSame pins the dataset: figures measured with other input cannot be compared.
func TestSame(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(io.Writer) error
		sum   string
	}{
		{"targets", func(w io.Writer) error { return WriteTargets(w, 1000) },
			"933509e449ae27f72d6a6a7e353f4739b377eef234f10279660bfb535fb5a757"},
		{"datums", func(w io.Writer) error { return WriteDatums(w, 0, 20_000, 1000, nil) },
			"2a991213666eea9ff358b9320448d96b81a30eadeef3b436fee525ceeaf80584"},
		{"upload", func(w io.Writer) error { return WriteUpload(w, 10_000, 5) },
			"324b683aa62d43ebf51090ed826b14322e34187367b62345ae9d0999cc9d6e35"},
	} {
		var b bytes.Buffer
		if err := c.write(&b); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b.Bytes())
		if got := hex.EncodeToString(sum[:]); got != c.sum {
			t.Errorf("%s: SHA-256 is %s, not %s", c.name, got, c.sum)
		}
	}
}

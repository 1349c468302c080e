package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// rises returns by how many bytes the memory of the server rose at most during some work.
func (c *child) rises(work func()) int64 {
	c.t.Helper()
	before, most := testenv.Memory(c.t, c.cmd.Process.Pid), int64(0)
	done := make(chan struct{})
	go func() { work(); close(done) }()
	for {
		most = max(most, testenv.Memory(c.t, c.cmd.Process.Pid))
		select {
		case <-done:
			return most - before
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// usersWithTargets adds two users with one target each, 1 and 2, and returns their tokens.
func usersWithTargets(t *testing.T, file string) (tokens []string) {
	t.Helper()
	for _, name := range []string{"astro", "carol"} {
		must(t, "user", "add", name, "--db", file)
		must(t, "target", "add", "of "+name, "--ra", "1", "--dec", "1", "--as", name, "--db", file)
		tokens = append(tokens, strings.TrimSpace(must(t, "token", "create", name, "--db", file)))
	}
	return tokens
}

// postDatums sends datums. The status is 0 if there is no complete answer.
func (c *child) postDatums(token, contentType, body string) (status int, text string) {
	r, err := http.NewRequest("POST", c.base+"/api/reduceddatums/", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Token "+token)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(w.Body)
	if err != nil {
		return 0, err.Error()
	}
	return w.StatusCode, string(answer)
}

// TestMemoryBudget measures the memory of a server during requests that need much of it: at most 64
// MB for one request, and 256 MB for as many as the limits admit at once.
func TestMemoryBudget(t *testing.T) {
	if testenv.Race {
		t.Skip("the race detector needs memory itself; .ci/run also runs this test without it")
	}
	numbers := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ","+format, 1+float64(i)/float64(n))
		}
		return "[" + b.String()[1:] + "]"
	}
	flat := strings.Repeat(",0", 900_000)[1:]
	var keys strings.Builder
	for i := range 90_000 {
		fmt.Fprintf(&keys, `,"%05x":1`, i)
	}
	values := map[string]string{
		"a spectrum":  `{"flux": ` + numbers(380_000, "%.4e") + `, "wavelength": ` + numbers(380_000, "%.5f") + `}`,
		"zeros":       "[" + flat + "]",
		"many keys":   "{" + keys.String()[1:] + "}",
		"a long text": `"` + strings.Repeat("x", 7<<20-1000) + `"`,
	}
	for what, value := range values {
		if !testenv.Long() && what != "a spectrum" {
			continue
		}
		for _, c := range []struct {
			at   int
			most int64
		}{{1, 64_000_000}, {16, 256_000_000}} {
			if c.at > 1 && !testenv.Long() {
				continue
			}
			file := newFile(t)
			tokens := usersWithTargets(t, file)
			s := startChild(t, file)
			rose := s.rises(func() {
				var group sync.WaitGroup
				for i := range c.at {
					group.Go(func() {
						body := fmt.Sprintf(`{"target": %d, "data_type": "photometry", `+
							`"timestamp": "2025-01-01T00:00:%02dZ", "value": %s}`, 1+i%2, i, value)
						if status, text := s.postDatums(tokens[i%2], "application/json",
							body); status != http.StatusCreated {
							t.Errorf("%s: %d: %.200s", what, status, text)
						}
					})
				}
				group.Wait()
			})
			t.Logf("%s, %d at once: %.0f MB", what, c.at, float64(rose)/1e6)
			if rose > c.most {
				t.Errorf("%s, %d at once, took %d MB of memory, more than %d", what, c.at, rose/1e6, c.most/1e6)
			}
		}
	}
}

// TestStreamsBudget measures the memory for as many streams of lines as the default limits admit:
// at most 256 MB, even if the lines are just short enough not to count as large bodies.
func TestStreamsBudget(t *testing.T) {
	if testenv.Race {
		t.Skip("the race detector needs memory itself; .ci/run also runs this test without it")
	}
	file := newFile(t)
	tokens := usersWithTargets(t, file)
	s := startChild(t, file)
	rose := s.rises(func() {
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				var lines strings.Builder
				for j := range 250 {
					fmt.Fprintf(&lines, `{"target": %d, "data_type": "photometry", `+
						`"value": {"line": "%d %d", "a": "%s"}}`+"\n", 1+i%2, i, j, strings.Repeat("x", 60_000))
				}
				status, text := s.postDatums(tokens[i%2], "application/x-ndjson", lines.String())
				if status != http.StatusCreated || !strings.Contains(text, `"created":250`) {
					t.Errorf("%d: %s", status, text)
				}
			})
		}
		group.Wait()
	})
	t.Logf("16 streams at once: %.0f MB", float64(rose)/1e6)
	if rose > 256_000_000 {
		t.Errorf("16 streams at once took %d MB of memory, more than 256", rose/1e6)
	}
}

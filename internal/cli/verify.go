package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
	"nightjar/internal/client"
	"nightjar/internal/problem"
)

func (p *program) verifyCommand() *cli.Command {
	var head string
	var repair bool
	return &cli.Command{
		Name: "verify", Usage: "check the whole file for damage",
		Description: "nightjar verify\n" +
			"nightjar verify --db monday.db\n" +
			"nightjar verify --repair   works with and without a running server",
		Flags: []cli.Flag{
			textFlag(&head, "head", "check that the log has only grown since this `HEAD`, which stat and backup print"),
			boolFlag(&repair, "repair",
				"first remove references to missing records, and records that are useless without them; "+
					"the change is logged"),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			file, bar := p.file, p.progress("verifying")
			defer bar.end()
			open := func() (*client.Client, error) { return client.Dial(file) }
			if repair {
				open = func() (*client.Client, error) { return p.connect(c.Context, openMode{}) }
			}
			n, err := open()
			if err != nil {
				return err
			}
			var v verification
			if n == nil {
				if err := checkPresent(file); err != nil {
					return err
				}
				if err = p.checkInChild(c.Context, file, head, bar, &v); err != nil {
					err = fmt.Errorf("%s: %w", file, err)
				}
			} else {
				err = verifyServed(c.Context, n, head, repair, bar, &v)
			}
			if err != nil {
				return err
			}
			bar.end()
			return p.printVerification(file, &v)
		},
	}
}

func verifyServed(ctx context.Context, n *client.Client, head string, repair bool, bar *progress,
	v *verification) error {
	body, err := json.Marshal(map[string]any{"head": head, "repair": repair})
	if err != nil {
		return err
	}
	w, err := n.Send(ctx, http.MethodPost, "/api/node/verify/?progress=true", "application/json", bytes.NewReader(body))
	if err == nil {
		err = readProgress(w, bar, v)
	}
	return errors.Join(err, n.Close())
}

// verification is the result of checking a file.
type verification struct {
	Good     bool     `json:"good"`
	Records  int      `json:"records"`
	Blobs    int      `json:"blobs"`
	Entries  int      `json:"log_entries"`
	Head     string   `json:"head"`
	Problems []string `json:"problems"`
	More     int      `json:"more_problems"`
	Dangling int      `json:"dangling"`  // references to missing records
	Other    string   `json:"other_log"` // why the log does not contain the given head
	Repaired []string `json:"repaired"`  // what --repair did
	MoreDone int      `json:"more_repaired"`
}

func (p *program) printVerification(file string, v *verification) error {
	for _, text := range v.Repaired {
		p.say("%s", printable(text))
	}
	if v.MoreDone > 0 {
		p.say("and %d more", v.MoreDone)
	}
	if len(v.Problems)+v.More == 0 {
		p.say("%s is whole: %s, %s, %s\nhead %s", file, problem.Plural(v.Records, "record"),
			problem.Plural(v.Blobs, "file"), problem.Plural(v.Entries, "log entry"), v.Head)
		if v.Other != "" {
			return fmt.Errorf("%s is whole, but its log does not contain that head: %s", file, v.Other)
		}
		return nil
	}
	for _, text := range v.Problems {
		p.say("%s", printable(text))
	}
	if v.More > 0 {
		p.say("and %d more", v.More)
	}
	if v.Dangling > 0 && v.Dangling == len(v.Problems)+v.More {
		return fmt.Errorf("%s has references to missing records: remove them with nightjar verify --repair", file)
	}
	return fmt.Errorf("%s is damaged", file)
}

// salvage copies what is readable of a damaged file to a new one, and reports what is lost.
func (p *program) salvage(c *cli.Context, to string) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	if to == "" {
		return usageError(c, "targets, datums, spectra or --salvage FILE is missing")
	}
	if err := checkPresent(p.file); err != nil {
		return err
	}
	r, err := archive.Salvage(c.Context, p.file, to)
	switch {
	case errors.Is(err, archive.ErrLocked):
		return fmt.Errorf("another program has %s open: stop the server first", p.file)
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("%s already exists, and is not overwritten: name a new file", to)
	case err != nil:
		return err
	}
	for _, text := range r.Problems {
		p.note("damaged: %s", printable(text))
	}
	if r.More > 0 {
		p.note("and %d more", r.More)
	}
	p.say("saved %s and %s to %s, as a node with an identity of its own; %s found", problem.Plural(r.Records, "record"),
		problem.Plural(r.Blobs, "file"), to, problem.Plural(len(r.Problems)+r.More, "problem"))
	return p.checkCopy(c.Context)(to)
}

// checkCopy returns a function that verifies a copy of a file in a child process.
func (p *program) checkCopy(ctx context.Context) func(path string) error {
	return func(path string) error {
		var v verification
		bar := p.progress("verifying " + filepath.Base(path))
		defer bar.end()
		if err := p.checkInChild(ctx, path, "", bar, &v); err != nil {
			return err
		}
		if !v.Good {
			return fmt.Errorf("%s (%s in all)", v.Problems[0], problem.Plural(len(v.Problems)+v.More, "problem"))
		}
		return nil
	}
}

// checkInChild verifies a file in a child process, because reading a badly damaged one may crash.
// Nobody may write the file meanwhile.
func (p *program) checkInChild(ctx context.Context, file, head string, bar *progress, v *verification) error {
	child := exec.CommandContext(ctx, p.self, "check-file", "--head="+head, "--", file)
	var said bytes.Buffer
	child.Stderr = &limited{b: &said, left: 64 << 10}
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		return err
	}
	readErr := readProgress(&http.Response{Body: out}, bar, v)
	if err := child.Wait(); err != nil || readErr != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		if line == "" {
			line = fmt.Sprint(errors.Join(err, readErr))
		}
		return errors.New(strings.TrimPrefix(line, "nightjar: "))
	}
	return nil
}

// limited is a writer that keeps the first bytes.
type limited struct {
	b    *bytes.Buffer
	left int // bytes
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.b.Write(p[:n])
	l.left -= n
	return len(p), nil
}

// checkFileCommand is the child process of checkInChild. It prints lines of JSON.
func (p *program) checkFileCommand() *cli.Command {
	var head string
	return &cli.Command{
		Name: "check-file", Hidden: true, ArgsUsage: "FILE", Flags: []cli.Flag{textFlag(&head, "head", "")},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "FILE")
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("there is no file %s", args[0])
			}
			out := bufio.NewWriter(p.out)
			e := json.NewEncoder(out)
			r, err := archive.Check(c.Context, args[0],
				archive.VerifyOptions{Since: head, Progress: func(done, total int) {
					e.Encode(map[string]int{"done": done, "total": total})
					out.Flush()
				}})
			if err != nil {
				return err
			}
			e.Encode(verification{Good: r.Err() == nil, Records: r.Records, Blobs: r.Blobs, Entries: r.Entries,
				Head: r.Head.String(), Problems: r.Problems, More: r.More, Dangling: r.Dangling, Other: r.Other})
			return out.Flush()
		},
	}
}

// readProgress reads lines of JSON: the progress of some work, which it shows, and at the end the
// result, which it decodes into out.
func readProgress(w *http.Response, bar *progress, out any) error {
	defer w.Body.Close()
	d := json.NewDecoder(w.Body)
	for {
		var raw json.RawMessage
		if err := d.Decode(&raw); errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
		var at struct{ Done, Total *int64 }
		if json.Unmarshal(raw, &at) != nil || at.Done == nil || at.Total == nil {
			return json.Unmarshal(raw, out)
		}
		bar.at(*at.Done, *at.Total)
	}
}

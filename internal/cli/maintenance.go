package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
	"nightjar/internal/client"
)

func (p *program) backupCommand() *cli.Command {
	return &cli.Command{
		Name: "backup", Usage: "write a verified copy of the file, while everything goes on", ArgsUsage: "FILE or FOLDER",
		Description: "nightjar backup monday.db\n" +
			"nightjar backup /mnt/stick   a name with the time is made",
		Action: p.asking(false, []string{"FILE"},
			func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
				path, err := filepath.Abs(args[0]) // the server may stand elsewhere
				if err != nil {
					return err
				}
				if info, err := os.Stat(path); err == nil && info.IsDir() {
					base := strings.TrimSuffix(filepath.Base(p.file), ".db")
					path = filepath.Join(path, base+"-"+time.Now().UTC().Format("20060102-150405")+".db")
				}
				var got struct{ Path, Head string }
				if err := p.waiting("copying", func() error {
					return n.Call(ctx, http.MethodPost, "/api/node/backup/", map[string]string{"path": path}, &got)
				}); err != nil {
					return bare(err, "path")
				}
				p.say("%s\nhead %s", got.Path, got.Head)
				return nil
			}),
	}
}

func (p *program) restoreCommand() *cli.Command {
	return &cli.Command{
		Name: "restore", Usage: "make a backup into the file (of --db), where none may be", ArgsUsage: "FILE",
		Description: "nightjar restore monday.db\n" +
			"nightjar restore monday.db --db other.db",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "FILE")
			if err != nil {
				return err
			}
			file := p.file
			n, err := client.Dial(file)
			if err != nil {
				return err
			}
			first := "move it away first"
			if n != nil {
				first = "stop the server that runs on it, and move it away"
				if err := n.Close(); err != nil {
					return err
				}
				if _, err := os.Lstat(file); errors.Is(err, os.ErrNotExist) {
					return fmt.Errorf("%s has been moved away while a server runs on it: stop that first", file)
				}
			}
			err = p.waiting("restoring",
				func() error { return archive.Restore(c.Context, args[0], file, p.checkCopy(c.Context)) })
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s is there: a restore never overwrites; %s", file, first)
			}
			if err == nil {
				p.say("%s restored to %s, as a node of its own", args[0], file)
			}
			return err
		},
	}
}

func (p *program) verifyCommand() *cli.Command {
	var head string
	var repair bool
	return &cli.Command{
		Name: "verify", Usage: "read the whole file and compare all that can be compared",
		Description: "nightjar verify\n" +
			"nightjar verify --db monday.db\n" +
			"nightjar verify --repair   whether it is served or not; the log says what was removed",
		Flags: []cli.Flag{
			textFlag(&head, "head", "prove that the log has only grown since it had this `HEAD`, as stat and backup print it"),
			boolFlag(&repair, "repair",
				"first remove references to records that do not exist, and records that are nothing "+
					"without them"),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			file, bar := p.file, p.progress("verifying")
			defer bar.end()
			open := func() (*client.Client, error) { return client.Dial(file) }
			if repair {
				open = func() (*client.Client, error) { return p.connect(c.Context, opening{}) }
			}
			n, err := open()
			if err != nil {
				return err
			}
			var v verification
			if n == nil {
				if err := present(file); err != nil {
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
			return p.report(file, &v)
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
		err = progressed(w, bar, v)
	}
	return errors.Join(err, n.Close())
}

func (p *program) report(file string, v *verification) error {
	for _, text := range v.Repaired {
		p.say("%s", printable(text))
	}
	if v.MoreDone > 0 {
		p.say("and %d more", v.MoreDone)
	}
	if len(v.Problems)+v.More == 0 {
		p.say("%s is whole: %d records, %d files, %d log entries\nhead %s", file, v.Records, v.Blobs, v.Entries, v.Head)
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
		return fmt.Errorf("%s has references that lead nowhere; nightjar verify --repair removes them", file)
	}
	return fmt.Errorf("%s is damaged", file)
}

func (p *program) compactCommand() *cli.Command {
	return &cli.Command{
		Name: "compact", Usage: "drop log entries that are older than log_keep says, and give the space of what was " +
			"deleted back to the disk; writers wait meanwhile",
		Action: p.asking(false, nil, func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
			var got struct{ Before, After int64 }
			err := p.waiting("compacting",
				func() error { return n.Call(ctx, http.MethodPost, "/api/node/compact/", nil, &got) })
			if err == nil {
				p.say("%s before, %s now", size(got.Before), size(got.After))
			}
			return err
		}),
	}
}

func (p *program) reindexCommand() *cli.Command {
	return &cli.Command{
		Name: "reindex", Usage: "make the index of names anew; it is only a cache, and names are found meanwhile",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return p.with(c, opening{index: true}, p.reindex)
		},
	}
}

// reindex waits until the index is there again.
func (p *program) reindex(ctx context.Context, n *client.Client) error {
	if err := n.Call(ctx, http.MethodPost, "/api/node/reindex/", nil, nil); err != nil {
		return err
	}
	bar := p.progress("index of names")
	defer bar.end()
	for {
		var st stat
		if err := n.Call(ctx, http.MethodGet, "/api/node/", nil, &st); err != nil {
			return err
		}
		if st.Index.Why == "" && st.Index.Sequence >= st.Sequence {
			bar.end()
			p.say("the index holds all names")
			return nil
		}
		bar.tell("", st.Index.Why)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

type stat struct {
	Node        string `json:"node"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	Format      int    `json:"format"`
	Path        string `json:"path"`
	Size        int64  `json:"size"`
	Free        int64  `json:"free"`
	DiskFree    *int64 `json:"disk_free"`
	Head        string `json:"head"`
	Sequence    uint64 `json:"sequence"`
	Permissions string `json:"permissions"`
	Strategy    string `json:"auth_strategy"`
	Failed      string `json:"failed"`
	Backup      *struct {
		Age  *int64 `json:"age_seconds"`
		Path string `json:"path"`
		Why  string `json:"why"`
	} `json:"backup"`
	Index struct {
		Sequence uint64 `json:"sequence"`
		Why      string `json:"why_not"`
	} `json:"index"`
	Counts map[string]int `json:"counts"`
}

func (p *program) statCommand() *cli.Command {
	return &cli.Command{
		Name: "stat", Usage: "print how the node is: its size, what it holds, its last backup, the head of its log",
		Action: p.asking(false, nil, func(ctx context.Context, _ *cli.Context, n *client.Client, _ []string) error {
			var st stat
			if err := n.Call(ctx, http.MethodGet, "/api/node/", nil, &st); err != nil {
				return err
			}
			index := fmt.Sprintf("at log entry %d of %d", st.Index.Sequence, st.Sequence)
			if st.Index.Why != "" {
				index = st.Index.Why
			}
			list := [][]string{
				{"file", st.Path}, {"node", st.Node}, {"name", st.Name}, {"format", fmt.Sprint(st.Format)},
				{"size", size(st.Size) + ", of which " + size(st.Free) + " free"},
				{"permissions", st.Permissions}, {"auth_strategy", st.Strategy},
			}
			if st.DiskFree != nil {
				list = slices.Insert(list, 5, []string{"disk", size(*st.DiskFree) + " free"})
			}
			for _, name := range []string{"targets", "dataproducts", "reduceddatums", "observations"} {
				list = append(list, []string{name, fmt.Sprint(st.Counts[name])})
			}
			list = append(list, []string{"index of names", index}, []string{"head", st.Head})
			if b := st.Backup; b != nil {
				text := "none yet"
				if b.Age != nil {
					text = fmt.Sprintf("%s, %v old", b.Path, time.Duration(*b.Age)*time.Second)
				}
				if b.Why != "" {
					text += "; the last attempt FAILED: " + b.Why
				}
				list = append(list, []string{"backup", text})
			}
			if st.Failed != "" {
				list = append(list, []string{"FAILED", st.Failed + "; nothing is written until a restart"})
			}
			return p.table(list)
		}),
	}
}

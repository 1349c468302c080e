package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
	"nightjar/internal/client"
)

func (p *program) backupCommand() *cli.Command {
	return &cli.Command{
		Name: "backup", Usage: "write a verified copy of the archive; a running server keeps working",
		ArgsUsage: "FILE or FOLDER",
		Description: "nightjar backup monday.db\n" +
			"nightjar backup /mnt/stick   the name of the copy has the time",
		Action: p.asClient([]string{"FILE"},
			func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
				path, err := filepath.Abs(args[0]) // the server may have another working directory
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
					return withoutField(err, "path")
				}
				p.say("%s\nhead %s", got.Path, got.Head)
				return nil
			}),
	}
}

func (p *program) restoreCommand() *cli.Command {
	return &cli.Command{
		Name: "restore", Usage: "restore a backup to a new file, which --db names", ArgsUsage: "FILE",
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
			first := "move that file away first"
			if n != nil {
				first = "stop the server that runs on it and move that file away first"
				if err := n.Close(); err != nil {
					return err
				}
				if _, err := os.Lstat(file); errors.Is(err, os.ErrNotExist) {
					return fmt.Errorf("%s was moved away, but a server still runs on it: stop the server first", file)
				}
			}
			err = p.waiting("restoring",
				func() error { return archive.Restore(c.Context, args[0], file, p.checkCopy(c.Context)) })
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s already exists, and restore never overwrites a file: %s", file, first)
			}
			if err == nil {
				p.say("%s is restored to %s, as a node with an identity of its own", args[0], file)
			}
			return err
		},
	}
}

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

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nightjar/internal/testenv"
)

// block is a fenced code block of a page.
type block struct {
	lang  string // sh, python, or text: the output of the block before, in which … matches anything
	note  string // server: for the first terminal; stopped: after the server has stopped
	text  string
	page  string
	line  int
	wants []string
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\w+))?\n(.*?)^```$")

// session returns the blocks of a page, or of one section.
func session(t *testing.T, page, heading string) (blocks []*block) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../..", page))
	if err != nil {
		t.Fatal(err)
	}
	before, section := "", string(b)
	if heading != "" {
		var ok bool
		if before, section, ok = strings.Cut(section, "\n## "+heading+"\n"); !ok {
			t.Fatalf("%s has no section %s", page, heading)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		before += "\n\n"
	}
	for _, at := range fence.FindAllStringSubmatchIndex(section, -1) {
		part := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return section[at[2*n]:at[2*n+1]]
		}
		one := &block{lang: part(1), note: part(2), text: part(3), page: page,
			line: strings.Count(before+section[:at[0]], "\n") + 1}
		if one.lang != "text" {
			blocks = append(blocks, one)
			continue
		}
		if len(blocks) == 0 {
			t.Fatalf("line %d: no block before this one prints it", one.line)
		}
		last := blocks[len(blocks)-1]
		last.wants = append(last.wants, one.text)
	}
	return blocks
}

// printed checks the output of a block. A line break on the page also matches other white space, or
// none.
func (b *block) printed(t *testing.T, out string) {
	t.Helper()
	for _, want := range b.wants {
		parts := strings.Split(strings.TrimSpace(want), "…")
		for i := range parts {
			parts[i] = strings.ReplaceAll(regexp.QuoteMeta(parts[i]), "\n", `\s*`)
		}
		if !regexp.MustCompile("(?s)" + strings.Join(parts, ".*")).MatchString(out) {
			t.Errorf("%s: want the output\n%s\ngot\n%s", b.place(), want, out)
		}
	}
}

func (b *block) place() string { return fmt.Sprintf("%s, line %d", b.page, b.line) }

// shownAddress is the address of the server on the pages.
const shownAddress = "127.0.0.1:8000"

// TestGettingStarted runs the commands of the first page, and compares the output.
func TestGettingStarted(t *testing.T) { t.Parallel(); playPage(t, "docs/use/getting-started.md", "") }

// TestAPIPage runs the examples of the page on the API, and compares the output.
func TestAPIPage(t *testing.T) { t.Parallel(); playPage(t, "docs/use/api.md", "") }

// playPage runs the blocks of a page. The first one starts the server; the others run beside it.
func playPage(t *testing.T, page, heading string) {
	for _, program := range []string{"bash", "curl"} {
		testenv.Need(t, program)
	}
	home, bin := t.TempDir(), t.TempDir()
	if err := os.Symlink(self(t), filepath.Join(bin, "nightjar")); err != nil {
		t.Fatal(err)
	}
	python := pythonFor(t, bin)
	env := append(os.Environ(), "HOME="+home, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	shell := func(folder, script string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
		cmd.Dir, cmd.Env = folder, env
		return cmd
	}

	blocks := session(t, page, heading)
	if len(blocks) < 6 || blocks[0].note != "server" {
		t.Fatalf("the page has %d blocks; want at least 6, the first one with the server", len(blocks))
	}
	var out, errs said
	first := blocks[0]
	if !strings.HasSuffix(first.text, "nightjar serve\n") {
		t.Fatalf("%s: the block does not start the server", first.place())
	}
	// exec, so that the signal for Ctrl-C reaches the server.
	start := strings.TrimSuffix(first.text, "nightjar serve\n") + "exec nightjar serve --listen 127.0.0.1:0\n"
	server := shell(home, start)
	server.Stdout, server.Stderr = &out, &errs
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill() })
	address := strings.TrimPrefix(signIn(t, &out, &errs), "http://")
	here := func(text string) string { return strings.ReplaceAll(text, shownAddress, address) }
	first.printed(t, strings.ReplaceAll(out.String(), address, shownAddress))

	// The second terminal is one shell. Consecutive Python blocks share one Python. A line after
	// the output of each block says which block it was.
	var running, stopped []*block
	for _, b := range blocks[1:] {
		switch {
		case b.lang == "python" && python == "":
			if testenv.CI() {
				t.Errorf("%s: not run: there is no python3 with requests and astropy", b.place())
			} else {
				t.Logf("%s: not run: there is no python3 with requests and astropy", b.place())
			}
		case b.note == "stopped":
			stopped = append(stopped, b)
		case len(stopped) > 0:
			t.Fatalf("%s: the block needs the server, which has stopped", b.place())
		default:
			running = append(running, b)
		}
	}
	play := func(folder string, blocks []*block) (last string) {
		cmd := shell(folder, here(script(blocks))+"pwd\n")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("the session failed: %v\n%s\n%s", err, &out, &errs)
		}
		rest := strings.ReplaceAll(out.String(), address, shownAddress)
		for i, b := range blocks {
			var own string
			own, rest, _ = strings.Cut(rest, endOf(i)+"\n")
			b.printed(t, own)
		}
		return strings.TrimSpace(rest)
	}
	folder := play(home, running)
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Fatalf("the server: %v %s", err, errs.String())
	}
	clean(t, filepath.Join(folder, "nightjar.db"))
	play(folder, stopped)
}

func endOf(block int) string { return fmt.Sprintf("=== end of block %d", block) }

// script returns a shell script that runs blocks.
func script(blocks []*block) string {
	var b strings.Builder
	for i, block := range blocks {
		python := block.lang == "python"
		if python && (i == 0 || blocks[i-1].lang != "python") {
			b.WriteString("python3 - <<'THE END OF PYTHON'\n")
		}
		b.WriteString(block.text)
		if !python {
			fmt.Fprintf(&b, "echo; echo '%s'\n", endOf(i))
			continue
		}
		fmt.Fprintf(&b, "print('%s')\n", endOf(i))
		if i+1 == len(blocks) || blocks[i+1].lang != "python" {
			b.WriteString("THE END OF PYTHON\n")
		}
	}
	return b.String()
}

// pythonFor finds a Python with the modules that the pages import, and links to it in the folder
// bin. It returns "" if there is none.
func pythonFor(t *testing.T, bin string) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		try := exec.Command(path, "-c", "import requests, astropy.table")
		try.Stdout, try.Stderr = io.Discard, io.Discard
		if try.Run() != nil {
			continue
		}
		if err := os.Symlink(path, filepath.Join(bin, "python3")); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return ""
}

package cli

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTokenReaches uses a token that the command line created in requests.
func TestTokenReaches(t *testing.T) {
	file := newFile(t)
	s := serveFile(t, file)
	must(t, "user", "add", "astro", "--db", file)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--as", "astro", "--db", file)
	secret := strings.TrimSpace(must(t, "token", "create", "astro", "--db", file))
	if body := get(t, s.base+"/api/targets/", secret); !strings.Contains(body, `"NJ 1"`) {
		t.Error(body)
	}
	if body := get(t, s.base+"/api/targets/", ""); strings.Contains(body, `"NJ 1"`) {
		t.Error(body)
	}
}

// TestPasswordLine: a password ends with its line, and need not end the input.
func TestPasswordLine(t *testing.T) {
	file := newFile(t)
	in, typed := io.Pipe()
	defer typed.Close()
	go io.WriteString(typed, "a-long-passphrase\r\n")
	if r := callWith(t, in, func(string) string { return "" }, "user", "add", "astro", "--password-stdin", "--db",
		file); r.status != 0 || r.out+r.err != "" {
		t.Fatalf("%+v", r)
	}
	r, _ := http.NewRequest(http.MethodGet, serveFile(t, file).base+"/api/groups/", nil)
	r.SetBasicAuth("astro", "a-long-passphrase")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	w.Body.Close()
	if w.StatusCode != http.StatusOK {
		t.Errorf("status %d", w.StatusCode)
	}
}

// TestFileOfEnvironment: NIGHTJAR_DB names the file, unless --db does.
func TestFileOfEnvironment(t *testing.T) {
	one, two := newFile(t), newFile(t)
	env := func(name string) string {
		if name == "NIGHTJAR_DB" {
			return one
		}
		return ""
	}
	for want, args := range map[string][]string{one: {"stat"}, two: {"stat", "--db", two}} {
		if r := callWith(t, strings.NewReader(""), env, args...); r.status != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// TestReindex: reindex builds a new index even if the old one is good.
func TestReindex(t *testing.T) {
	file := newFile(t)
	folder := func() []string {
		list, err := filepath.Glob(file + ".index/names-*")
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list
	}
	must(t, "reindex", "--db", file)
	first := folder()
	must(t, "reindex", "--db", file)
	if second := folder(); slices.Equal(first, second) {
		t.Errorf("the index is still in %v", second)
	}
}

// TestMissingFile: only serve makes a file, so that a mistyped --db makes none, and each new file
// has an administrator and a group Public. The other commands refuse a missing file, and say how to
// make one.
func TestMissingFile(t *testing.T) {
	dir := t.TempDir()
	lc := write(t, dir, "targets.csv", "name,ra,dec\nNJ 1,1,2\n")
	writers := [][]string{{"settings", "set", "tom_name", "x"}, {"user", "add", "astro"},
		{"user", "invite", "astro"}, {"group", "add", "Observers"},
		{"target", "add", "NJ 1", "--ra", "1", "--dec", "2"}, {"import", "targets", lc}, {"import", "datums", lc},
		{"import", "product", lc, "--target", "NJ 1"}}
	file := filepath.Join(dir, "none.db")
	call(t, "", "import", "targets", "nothing.csv", "--db", file).refused(t, "nothing.csv: no such file")
	for _, args := range slices.Concat(readers, writers) {
		call(t, "", append(args, "--db", file)...).refused(t,
			"there is no file "+file+": create it with nightjar serve")
		if list, err := filepath.Glob(file + "*"); err != nil || len(list) > 0 {
			t.Fatalf("%v created %v", args, list)
		}
	}
	empty := write(t, dir, "empty.db", "")
	for _, args := range readers {
		call(t, "", append(args, "--db", empty)...).refused(t,
			empty+" is empty: nightjar serve turns it into an archive")
	}
	call(t, "", "user", "add", "astro", "--db", filepath.Join(dir, "no", "x.db")).refused(t,
		"there is no file "+filepath.Join(dir, "no", "x.db"))
	call(t, "", "serve", "--listen", "127.0.0.1:0", "--db", filepath.Join(dir, "no", "x.db")).refused(t,
		"no file can be made in the folder "+filepath.Join(dir, "no")+": no such file")
	call(t, "", "target", "add", "NJ 1", "--ra", "1", "--db", file).refused(t, "--dec is missing")
	if _, err := os.Stat(file); err == nil {
		t.Error("a command with wrong usage created a file")
	}
}

// readers are the commands that need an existing file.
var readers = [][]string{{"settings", "get"}, {"user", "list"}, {"user", "passwd", "x"}, {"user", "remove", "x"},

	{"group", "list"}, {"group", "join", "x", "y"}, {"group", "leave", "x", "y"},
	{"group", "remove", "x"}, {"token", "create", "x"}, {"token", "list"}, {"token", "revoke", "1"},
	{"target", "list"}, {"target", "share", "x", "y"}, {"target", "unshare", "x", "y"},
	{"target", "remove", "x"}, {"export", "targets"}, {"export", "datums"}, {"export", "--salvage", "x"},
	{"import", "datums", "x"}, {"import", "product", "x", "--target", "x"}, {"backup", "x"}, {"verify"}, {"compact"},
	{"reindex"}, {"stat"}}

// TestWrongFile: every command refuses a file of another program or of a newer format, and does not
// change it.
func TestWrongFile(t *testing.T) {
	dir := t.TempDir()
	later, err := os.ReadFile(newFile(t))
	if err != nil {
		t.Fatal(err)
	}
	later = laterFormat(t, later)
	for text, content := range map[string]string{
		"not a nightjar file": strings.Repeat("time,magnitude\n", 1000),
		"newer format":        string(later),
	} {
		file := write(t, dir, strings.Fields(text)[0]+".db", content)
		call(t, "", "check-file", file).refused(t, text)
		commands := append([][]string{{"serve", "--listen", "127.0.0.1:0"}, {"user", "add", "x"}}, readers...)
		for _, args := range commands {
			call(t, "", append(args, "--db", file)...).refused(t, text, filepath.Base(file))
		}
		call(t, "", "restore", file, "--db", filepath.Join(dir, "restored.db")).refused(t, text)
		if b, err := os.ReadFile(file); err != nil || string(b) != content {
			t.Errorf("%s: the file was changed (%v)", text, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*restored*")); left != nil {
			t.Errorf("%s: left behind: %v", text, left)
		}
	}
}

// laterFormat raises the format of a file by one, wherever the file has that number and its CRC.
func laterFormat(t *testing.T, file []byte) []byte {
	stored := func(format uint32) []byte {
		number := binary.BigEndian.AppendUint32(nil, format)
		crc := crc32.Checksum(append([]byte("format"), number...), crc32.MakeTable(crc32.Castagnoli))
		return binary.LittleEndian.AppendUint32(number, crc)
	}
	for format := uint32(1); format < 100; format++ {
		if bytes.Contains(file, stored(format)) {
			return bytes.ReplaceAll(file, stored(format), stored(format+1))
		}
	}
	t.Fatal("the file has no format")
	return nil
}

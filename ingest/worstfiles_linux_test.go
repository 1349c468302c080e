package ingest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/fits/fitstest"
	"nightjar/internal/testenv"
)

const (
	// the most bytes by which a preview, a header or an inspection may raise the memory of an idle
	// process
	mostOfLook   = 64 << 20
	mostOfUpload = 200 << 20 // and the reading of an upload
	mostCPU      = 10 * time.Second
)

// members is a gzip file of several parts, each of which may be repeated.
type members struct{ bytes.Buffer }

func (m *members) add(data []byte, times int) *members {
	one := fitstest.Gzip(data)
	for range times {
		m.Write(one)
	}
	return m
}

func repeated(text string, bytes int) []byte {
	return []byte(strings.Repeat(text, bytes/len(text)+1)[:bytes])
}

// hugeHeader returns the header of an HDU with n cards; with long, most of them continue strings
// over many cards.
func hugeHeader(first []string, n int, long bool) []byte {
	cards := slices.Clone(first)
	for i := range n - len(first) {
		switch {
		case long && i%900 > 0:
			cards = append(cards, "CONTINUE  '"+strings.Repeat("''", 32)+"&'")
		case long:
			cards = append(cards, fmt.Sprintf("K%07d= '%s&'", i, strings.Repeat("x", 60)))
		default:
			cards = append(cards, fmt.Sprintf("K%07d= %s", i, strings.Repeat(`"`, 68)))
		}
	}
	return fitstest.Header(cards...)
}

// binaryTable returns the header of a table extension.
func binaryTable(width, rows, heap int, columns []string, cards ...string) []byte {
	head := []string{"XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
		fmt.Sprintf("NAXIS1  = %20d", width), fmt.Sprintf("NAXIS2  = %20d", rows),
		fmt.Sprintf("PCOUNT  = %20d",
			heap), "GCOUNT  =                    1", fmt.Sprintf("TFIELDS = %20d", len(columns))}
	for i, c := range columns {
		name, form, _ := strings.Cut(c, " ")
		head = append(head, fmt.Sprintf("%-8s= '%s'", fmt.Sprintf("TTYPE%d", i+1), name),
			fmt.Sprintf("%-8s= '%s'", fmt.Sprintf("TFORM%d", i+1), form))
	}
	return fitstest.Header(fitstest.With(head, cards...)...)
}

// worstFile is a small file that is, or once was, expensive to read.
type worstFile struct {
	name  string
	ways  string // how it is read: p(review), h(eader), i(nspect), u(pload as photometry), s(pectrum)
	quick string // those of the short form
	want  string // part of the result of the first of them
	make  func() []byte
}

func worstFiles() []worstFile {
	zeros := func(size int) []byte { return make([]byte, size) }
	const side = 4096
	tile := func(kind string, tiles, bitpix int) []byte {
		one := fitstest.Gzip(zeros(side * side * max(bitpix, -bitpix) / 8))
		return fitstest.TiledFile(kind, bitpix, side, side*tiles, side, slices.Repeat([][]byte{one}, tiles))
	}
	text := func(head string, times int, body ...string) []byte {
		var m members
		for _, b := range body {
			m.add([]byte(b), times)
		}
		return append(fitstest.Gzip([]byte(head)), m.Bytes()...)
	}
	return []worstFile{
		{"gzip1 tile", "phis", "p", "read", func() []byte { return tile("GZIP_1", 1, -64) }},
		{"gzip2 tile", "phis", "p", "read", func() []byte { return tile("GZIP_2", 1, -64) }},
		{"25 gzip1 tiles", "phi", "", "too much to unpack for a preview",
			func() []byte { return tile("GZIP_1", 25, -64) }},
		{"25 gzip2 tiles", "phi", "p", "too much to unpack for a preview",
			func() []byte { return tile("GZIP_2", 25, -64) }},
		{"6 gzip2 tiles", "p", "", "", func() []byte { return tile("GZIP_2", 6, -64) }},
		{"a large image in rows", "p", "", "read", func() []byte {
			const side = 16384
			one := fitstest.Gzip(zeros(side))
			table := bytes.Repeat(fitstest.BigEndian([]int32{int32(len(one)), 0}), side)
			head := binaryTable(8, side, len(one), []string{"COMPRESSED_DATA 1PB"}, "ZIMAGE  =                    T",
				"ZCMPTYPE= 'GZIP_1'", "ZBITPIX =                    8",
				"ZNAXIS  =                    2", "ZNAXIS1 =                16384", "ZNAXIS2 =                16384")
			return slices.Concat(fitstest.Header(fitstest.Shape(8)...), head, fitstest.Pad(append(table, one...), 0))
		}},
		{"many VOTable fields", "ius", "", "the descriptions of the columns", func() []byte {
			return text("<VOTABLE><RESOURCE><TABLE>", 2000,
				`<FIELD datatype="double" name="`+string(repeated("n", 50_000))+`"/>`)
		}},
		{"rice of nothing", "ph", "", "", func() []byte {
			var w fitstest.BitWriter
			w.Put(0, 32)
			for range 11_000 * 11_000 / 4096 {
				w.Put(0, 5)
			}
			return fitstest.TiledFile("RICE_1", 32, 11_000, 11_000, 11_000, [][]byte{append(w.Out, 0, 0)},
				"ZNAME1  = 'BLOCKSIZE'", "ZVAL1   = 4096", "ZNAME2  = 'BYTEPIX'", "ZVAL2   = 4")
		}},
		{"tiles of a pixel", "ph", "p", "too much to unpack for a preview", func() []byte {
			one := fitstest.Gzip([]byte{1, 2, 3, 4, 5, 6, 7, 8})
			table := bytes.Repeat(fitstest.BigEndian([]int32{int32(len(one)), 0}), 1000*1000)
			head := binaryTable(8, 1000*1000, len(one), []string{"COMPRESSED_DATA 1PB"},
				"ZIMAGE  =                    T", "ZCMPTYPE= 'GZIP_1'", "ZBITPIX =                  -64",
				"ZNAXIS  =                    2", "ZNAXIS1 =                 1000", "ZNAXIS2 =                 1000",
				"ZTILE1  =                    1", "ZTILE2  =                    1")
			return slices.Concat(fitstest.Header(fitstest.Shape(8)...), head, fitstest.Pad(append(table, one...), 0))
		}},
		{"gz of a large image", "phis", "", "", func() []byte {
			return new(members).add(fitstest.Header(fitstest.Shape(8, 32768, 60000)...), 1).add(zeros(1<<20),
				1875).add(zeros(2880), 1).Bytes()
		}},
		{"gz of 1000 HDUs", "phius", "", "", func() []byte {
			head := fitstest.Header(fitstest.Extension(fitstest.Shape(8, 1024, 1, 1024))...)
			return new(members).add(fitstest.Header(fitstest.Shape(8)...),
				1).add(append(head, fitstest.Pad(zeros(1<<20), 0)...), 999).Bytes()
		}},
		{"long strings in headers", "hpius", "h", "read", func() []byte {
			return new(members).add(fitstest.Header(fitstest.Shape(8)...),
				1).add(hugeHeader(fitstest.Extension(fitstest.Shape(8)), 9000, true), 200).Bytes()
		}},
		{"many cards", "hpius", "h", "read", func() []byte {
			extension := append(hugeHeader(fitstest.Extension(fitstest.Shape(8, 1)), 9000, false), zeros(2880)...)
			return new(members).add(fitstest.Header(fitstest.Shape(8)...), 1).add(extension, 900).Bytes()
		}},
		{"tables of many cards", "ius", "", "", func() []byte {
			m := new(members).add(fitstest.Header(fitstest.Shape(8)...), 1)
			return m.add(append(hugeHeader(fitstest.Extension(fitstest.Shape(8, 8, 1)), 9000, false),
				zeros(2880)...), 5).Bytes()
		}},
		{"an image without values", "p", "", "", func() []byte {
			return new(members).add(fitstest.Header(fitstest.Shape(-32, 8192, 8192)...),
				1).add(bytes.Repeat([]byte{0x7f, 0xc0, 0, 0}, 1<<18), 256).Bytes()
		}},
		{"wide rows", "ius", "", "", func() []byte {
			columns := []string{"mjd D", "mag D", "array 64000000B"}
			return new(members).add(append(fitstest.Header(fitstest.Shape(8)...),
				binaryTable(64_000_016, 16, 0, columns)...),
				1).add(fitstest.BigEndian(58000.5,
				15.5), 1).add(zeros(1_000_000), 64).add(zeros(64_000_016), 15).Bytes()
		}},
		{"rows and columns of arrays", "is", "", "", func() []byte {
			columns, width := []string{}, 0
			for i := range 999 {
				columns, width = append(columns, fmt.Sprintf("c%d %dE", i, 2+i%2)), width+4*(2+i%2)
			}
			return new(members).add(append(fitstest.Header(fitstest.Shape(8)...),
				binaryTable(width, 1000, 0, columns)...),
				1).add(zeros(width*1000), 1).add(zeros(2880), 1).Bytes()
		}},
		{"arrays far from each other", "s", "", "", func() []byte {
			const n = 1_500_000
			pixels := make([]byte, 0, 8*n)
			for i := range n {
				pixels = binary.BigEndian.AppendUint64(pixels, math.Float64bits(float64(i+1)))
			}
			return new(members).add(append(fitstest.Header(fitstest.Shape(8)...),
				binaryTable(8*n*3, 1, 0, []string{"wave 1500000D", "flux 1500000D", "err 1500000D"})...), 1).add(pixels,
				3).add(zeros(2880), 1).Bytes()
		}},
		{"columns of no width", "u", "", "", func() []byte {
			columns := []string{"mjd D", "mag D"}
			for i := range 300 {
				columns = append(columns, fmt.Sprintf("c%d 0A", i))
			}
			return new(members).add(append(fitstest.Header(fitstest.Shape(8)...),
				binaryTable(16, 100_000, 0, columns)...),
				1).add(bytes.Repeat(fitstest.BigEndian(58000.5, 15.5), 100_000), 1).add(zeros(2880), 1).Bytes()
		}},
		{"long comments", "ius", "i", "", func() []byte {
			return text("", 300, "# "+string(repeated("a ", 1<<20-10))+"\n", "58000,15\n")
		}},
		{"keywords in comments", "ius", "", "", func() []byte {
			var b bytes.Buffer
			for i := range 10_001 {
				fmt.Fprintf(&b, "# k%d: %s\n", i, repeated("x", 900))
			}
			return append(fitstest.Gzip(b.Bytes()), fitstest.Gzip([]byte("mjd,mag\n58000,15\n"))...)
		}},
		{"a long line", "ius", "", "", func() []byte { return text("mjd,mag\n", 1, string(repeated("1,", 100<<20))) }},
		{"long cells", "ius", "", "", func() []byte {
			return text("mjd,mag,other\n", 100, "58000,15,"+string(repeated(`"`, 1<<20-20))+"\n")
		}},
		{"many columns", "ius", "", "", func() []byte {
			var b bytes.Buffer
			for i := range 998 {
				fmt.Fprintf(&b, "%s%d,", repeated("n", 190), i)
			}
			return text(b.String()+"mjd,mag\n", 300, string(repeated("1,", 2*998))+"58000,15\n")
		}},
		{"JSON of long members", "uis", "u", "a record of more than", func() []byte {
			return text(`[{"mjd":58000,"mag":15`, 150, `,"a":"`+string(repeated("x", 2<<20))+`"`)
		}},
		{"JSON of many names", "ius", "", "", func() []byte {
			var b bytes.Buffer
			b.WriteString(`{"x":1`)
			for i := range 900 {
				fmt.Fprintf(&b, `,"l%d":[{"x":1`, i)
				for k := range 990 {
					fmt.Fprintf(&b, `,"k%d-%s":1`, k, repeated("y", 50))
				}
				b.WriteString("}]")
			}
			b.WriteString("}")
			return fitstest.Gzip(b.Bytes())
		}},
		{"JSON of long names", "ius", "", "", func() []byte {
			return text(`{"x":1`, 500, `,"l":[{"`+string(repeated("x", 2<<20))+`":1}]`)
		}},
		{"nested JSON", "ius", "", "", func() []byte { return fitstest.Gzip(repeated("[", 50<<20)) }},
		{"JSON of many spectra", "is", "", "", func() []byte {
			return text(`{"SN":{"spectra":[{}`, 9000,
				`,{"time":"`+string(repeated("1", 100_000))+`","u_time":"MJD","data":[["4000","1"]]}`)
		}},
		{"VOTable of long fields", "uis", "u", "a tag of more than", func() []byte {
			return text("<VOTABLE><RESOURCE><TABLE>", 200,
				`<FIELD datatype="double" name="`+string(repeated("n",
					1<<20))+`" ucd="`+string(repeated("n", 1<<19))+`"/>`)
		}},
		{"VOTable of many attributes", "ius", "", "a tag of more than", func() []byte {
			return text("<VOTABLE><RESOURCE><TABLE>", 20,
				`<FIELD datatype="double" name="n"`+string(repeated(` a=""`, 2_000_000))+`/>`)
		}},
		{"VOTable of long cells", "uis", "u", "a row of more than", func() []byte {
			fields := `<FIELD name="mjd" datatype="double"/><FIELD name="mag" datatype="double"/>` +
				strings.Repeat(`<FIELD name="t" datatype="char" arraysize="*"/>`, 500)
			return text("<VOTABLE><RESOURCE><TABLE>"+fields+"<DATA><TABLEDATA><TR>", 60,
				"<TD>"+string(repeated("x", 1<<20))+"</TD>")
		}},
		{"deep VOTable", "ius", "", "", func() []byte {
			return text("<VOTABLE><RESOURCE><TABLE><DATA><TABLEDATA><TR>", 100, string(repeated("<TD>", 1<<20)))
		}},
		{"VOTable of long binary cells", "ius", "", "", func() []byte {
			fields := `<FIELD name="mjd" datatype="double"/><FIELD name="mag" datatype="double"/>` +
				strings.Repeat(`<FIELD name="t" datatype="char" arraysize="*"/>`, 20)
			head := "<VOTABLE><RESOURCE><TABLE>" + fields + "<DATA><BINARY><STREAM encoding='base64'>"
			cell := append(fitstest.BigEndian(58000.5, 15.5), fitstest.BigEndian(int32(60_000_000))...)
			return new(members).add(append([]byte(head), base64.StdEncoding.EncodeToString(padTo3(cell))...),
				1).add(repeated("A", 1<<20), 1300).Bytes()
		}},
		{"ECSV of long entries", "uis", "u", "the header of the ECSV file takes more than", func() []byte {
			return text("# %ECSV 1.0\n# ---\n# datatype:\n", 300,
				"# - {name: "+string(repeated("n", 1<<20-100))+", datatype: float64}\n")
		}},
		{"ECSV of an entry over many lines", "uis", "u", "the header has more than", func() []byte {
			return text("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a,\n", 1, string(repeated("# x,\n", 3<<20)))
		}},
		{"ECSV of many nodes", "uis", "u", "the header of the ECSV file describes no columns", func() []byte {
			return text("# %ECSV 1.0\n# ---\n# a: [", 1, string(repeated("x,", 398_000)), "x]\n")
		}},
		{"ADES of many names", "u", "", "", func() []byte {
			var b bytes.Buffer
			b.WriteString("# version=2017\n")
			for i := range 300 {
				fmt.Fprintf(&b, "obsTime|mag|%s%d\n", repeated("n", 1<<20-100), i)
			}
			return fitstest.Gzip(b.Bytes())
		}},
		{"ADES XML of long members", "ui", "u", "an observation of more than", func() []byte {
			return text("<ades><obsBlock><obsData><optical>", 60, "<mag>"+string(repeated("x", 1<<20))+"</mag>")
		}},
		{"a large spectrum of text", "siu", "s", "read", func() []byte {
			var b bytes.Buffer
			b.WriteString("wavelength,flux,error\n")
			for i := range 1_400_000 {
				b.WriteString(strconv.Itoa(i+1000) + ",1.5e-15,1e-16\n")
			}
			return fitstest.Gzip(b.Bytes())
		}},
		{"a large spectrum of pixels", "ius", "i", "read", func() []byte {
			const n = 1_000_000
			pixels := make([]byte, 0, 8*n)
			for i := range n {
				pixels = binary.BigEndian.AppendUint64(pixels, math.Float64bits(1/float64(i+1)))
			}
			return fitstest.Gzip(append(fitstest.Header(fitstest.With(fitstest.Shape(-64, n),
				fitstest.LinearWCS...)...), fitstest.Pad(pixels, 0)...))
		}},
		{"too large a spectrum", "ius", "", "", func() []byte {
			return text("wavelength,flux,error\n", 300_000,
				"1.234567890123456e3,1.234567890123456e-15,1.234567890123456e-16\n")
		}},
	}
}

func padTo3(b []byte) []byte {
	for len(b)%3 != 0 {
		b = append(b, 0)
	}
	return b
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// readAs reads a file in one of the ways of worstFile.
func readAs(way byte, f bounded.File) (err error) {
	ctx := context.Background()
	p := NewProcessors()
	switch way {
	case 'p':
		_, err = fits.Preview(ctx, f)
	case 'h':
		_, err = fits.HeaderJSON(ctx, f)
	case 'i':
		var as string
		if as, _, err = p.Recognise(ctx, f, Options{}); err == nil && p.Handles(as) {
			_, err = p.Process(ctx, as, f, Options{Discard: true}, func(Point) error { return nil })
		}
	default:
		_, err = p.Process(ctx, map[byte]string{'u': "photometry", 's': "spectroscopy"}[way], f,
			Options{MaxProblems: 1000}, func(Point) error { return nil })
	}
	return err
}

// TestReadOne is the child process of TestWorstFiles: it reads one file and prints how much its
// memory rose and how long it took.
func TestReadOne(t *testing.T) {
	way, path, ok := strings.Cut(os.Getenv("NIGHTJAR_READ"), " ")
	if !ok {
		t.Skip("TestWorstFiles runs it")
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	debug.FreeOSMemory() // the process is idle
	idle, cpu := testenv.Memory(t, os.Getpid()), cpuTime()
	stop, peak := make(chan bool), make(chan int64)
	go func() {
		most := idle
		for {
			most = max(most, testenv.Memory(t, os.Getpid()))
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	err = readAs(way[0], bounded.File{Name: "worst", Size: info.Size(), Content: in})
	cpu = cpuTime() - cpu
	stop <- true
	said := "read"
	if err != nil {
		said = err.Error()
	}
	fmt.Printf("\nmeasured %d %d %s\n", <-peak-idle, cpu, strings.ReplaceAll(said, "\n", " "))
}

// TestWorstFiles reads small files that are expensive, each in a process of its own. Memory and
// time must stay within the limits of one request.
func TestWorstFiles(t *testing.T) {
	if testenv.Race {
		t.Skip("the race detector changes memory and time; .ci/run also runs this test without it")
	}
	only := os.Getenv("NIGHTJAR_WORST")
	folder := t.TempDir()
	for _, w := range worstFiles() {
		if w.quick == "" && !testenv.Long() && only == "" || only != "" && !strings.Contains(w.name, only) {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			path := filepath.Join(folder, "worst")
			data := w.make()
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			ways := w.ways
			if !testenv.Long() && only == "" {
				ways = w.quick
			}
			for _, way := range ways {
				command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReadOne$")
				command.Env = append(os.Environ(), fmt.Sprintf("NIGHTJAR_READ=%c %s", way, path))
				out, err := command.CombinedOutput()
				_, line, found := bytes.Cut(out, []byte("\nmeasured "))
				if err != nil || !found {
					t.Fatalf("%v %s", err, out)
				}
				var rise, cpu int64
				line, _, _ = bytes.Cut(line, []byte("\n"))
				if _, err := fmt.Sscan(string(line), &rise, &cpu); err != nil {
					t.Fatal(err)
				}
				said := strings.SplitN(string(line), " ", 3)[2]
				t.Logf("%c: %.1f MB in a file of %.2f MB, %.1f s: %.150s", way, float64(rise)/1e6,
					float64(len(data))/1e6, time.Duration(cpu).Seconds(), said)
				if way == rune(w.ways[0]) && !strings.Contains(said, w.want) {
					t.Errorf("%c: %s", way, said)
				}
				most := int64(mostOfLook)
				if way == 'u' || way == 's' {
					most = mostOfUpload
				}
				if rise > most {
					t.Errorf("%c: memory rose by %d bytes", way, rise)
				}
				if (way == 'p' || way == 'h') && time.Duration(cpu) > testenv.Choose(5*mostCPU, mostCPU) {
					t.Errorf("%c: it took %v", way, time.Duration(cpu))
				}
			}
		})
	}
}

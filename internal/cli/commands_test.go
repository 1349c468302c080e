package cli

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// step is one call of the program, and what must come of it.
type step struct {
	// args are the words of the command line, in quotes where a word has blanks. {dir} is a folder with the files of the scenario, {NAME} what was kept.
	args string
	in   string
	// fails: the exit status is 1, and there is exactly one line of the program's own on standard error.
	fails bool
	// out and err are what must be on standard output and standard error, not what may be on neither.
	out, err, not []string
	// keep is the name for the last word of standard output, or for what its regular expression after a blank finds.
	keep string
}

var words = regexp.MustCompile(`'[^']*'|\S+`)

// play plays steps on a file.
func play(t *testing.T, file, dir string, steps []step) {
	kept := []string{"{dir}", dir, "{file}", file}
	for _, s := range steps {
		in := func(text string) string { return strings.NewReplacer(kept...).Replace(text) }
		args := []string{"--db", file}
		for _, word := range words.FindAllString(s.args, -1) {
			args = append(args, in(strings.Trim(word, "'")))
		}
		r := call(t, s.in, args...)
		problem := func(format string, args ...any) {
			t.Helper()
			t.Errorf("nightjar %s: "+format+"\nout: %s\nerr: %s", append(append([]any{s.args}, args...), r.out, r.err)...)
		}
		own := 0
		for _, line := range strings.Split(r.err, "\n") {
			if strings.HasPrefix(line, "nightjar: ") {
				own++
			}
		}
		if failed := r.status == 1 && own == 1; failed != s.fails || !failed && (r.status != 0 || own != 0) {
			problem("status %d", r.status)
		}
		for _, text := range s.out {
			if !strings.Contains(r.out, in(text)) {
				problem("%q is not in the output", in(text))
			}
		}
		for _, text := range s.err {
			if !strings.Contains(r.err, in(text)) {
				problem("%q is not said", in(text))
			}
		}
		for _, text := range s.not {
			if strings.Contains(r.out+r.err, in(text)) {
				problem("%q is there", in(text))
			}
		}
		if s.keep != "" {
			name, expr, own := strings.Cut(s.keep, " ")
			if !own {
				expr = `(\S+)\s*$`
			}
			m := regexp.MustCompile(expr).FindStringSubmatch(r.out)
			if m == nil {
				t.Fatalf("nightjar %s: nothing to keep in %q", s.args, r.out)
			}
			kept = append(kept, "{"+name+"}", m[1])
		}
	}
}

// scenarioFiles are the files that the steps name.
var scenarioFiles = map[string]string{
	"lc.csv":       "time,filter,magnitude,error\n60310.1,r,17.21,0.02\n60311.1,r,17.35,0.02\n60312.2,g,17.90,0.03\n",
	"faint.csv":    "time,filter,magnitude,error,limit\n60310.2,r,,,20.1\n60310.3,r,19.9,0.2,20.3\n",
	"spec.csv":     "wavelength,flux\n4000,1.5e-15\n4010,1.6e-15\n4020,1.4e-15\n",
	"bad.csv":      "time,filter,magnitude,error\n60310.1,r,17.21,0.02\n60311.1,r,17.35,n/a?\n",
	"targets.csv":  "id,name,type,ra,dec,name2,groups,classification\n7,NJ 26b,SIDEREAL,13:47:02.1,-12:30:00,Second Name,Observers,SN Ia\n8,NJ 26c,,370.5,5,,,\n9,NJ 26d,SIDEREAL,12,95,,,\n",
	"twice.csv":    "name,name\na,b\n",
	"ragged.csv":   "name,ra,dec\nNJ 26e,1,2\nNJ 26f,1\n",
	"datums.csv":   "target,data_type,mjd,source_name,value.magnitude,value.filter\nNJ 26b,photometry,60320.5,Elsewhere,18.20,r\nSecond Name,photometry,60321.5,Elsewhere,18.30,r\nnobody,photometry,60321.5,Elsewhere,18.30,r\nNJ 26b,photometry,never,Elsewhere,18.30,r\n",
	"data.ndjson":  `{"target_name":"NJ 26b","data_type":"photometry","timestamp":"2024-03-01T00:00:00Z","source_name":"Elsewhere","value":{"magnitude":18.7,"filter":"r"}}` + "\n",
	"unknown.csv":  "target,data_type,mjd,colour\n",
	"notours.json": "{\n",
}

// everyCommand is played on a file that nobody serves, and on one that is served: nothing may tell the two apart.
var everyCommand = []struct {
	name  string
	steps []step
}{
	{"settings", []step{
		{args: "settings get", out: []string{"permissions = targets\n", "auth_strategy = read-only\n", "tom_name = "}},
		{args: "settings get permissions", out: []string{"targets\n"}, not: []string{"="}},
		{args: "settings set tom_name 'Skalnica follow-up'"},
		{args: "settings get tom_name", out: []string{"Skalnica follow-up\n"}},
		{args: "settings set permissions objects"},
		{args: "settings get permissions", out: []string{"objects\n"}},
		{args: "settings set permissions open", fails: true, err: []string{"nightjar: permissions: ", "objects"}},
		{args: "settings set permissions targets"},
		{args: "settings get colour", fails: true, err: []string{"there is no setting colour (see: nightjar settings get)"}},
		{args: "settings set colour red", fails: true, err: []string{"there is no setting colour"}},
		{args: "settings set permissions", fails: true, err: []string{"VALUE is missing"}},
		{args: "settings get a b", fails: true, err: []string{`"b" is one argument too many`}},
		{args: "settings", fails: true, err: []string{"get, set"}},
	}},
	{"people", []step{
		{args: "group add Observers"},
		{args: "group add Observers"},
		{args: "group add 'Night crew'"},
		{args: "group add", fails: true, err: []string{"NAME is missing"}},
		{args: "group add ''", fails: true, err: []string{"NAME is empty"}},
		{args: "user add astro --password-stdin --group Observers", in: "a-long-passphrase\n", not: []string{"passphrase"}},
		{args: "user add --group 'Night crew' bob --group Observers", err: []string{"password of bob"}, keep: "password"},
		{args: "user add --superuser chief", err: []string{"password of chief"}},
		{args: "user add astro", fails: true, err: []string{"already"}},
		{args: "user add eve --group Nobodies", fails: true, err: []string{"there is no group Nobodies"}},
		{args: "user add eve --password-stdin", in: "", fails: true, err: []string{"holds no password"}},
		{args: "user add eve --password-stdin", in: "x\n", fails: true, err: []string{"password"}},
		{args: "user add", fails: true, err: []string{"NAME is missing", "nightjar user add --help"}},
		{args: "user add eve --colour", fails: true, err: []string{"there is no flag --colour"}},
		{args: "user list", out: []string{"NOTES\n", "admin", "superuser", "bob", "Night crew, Observers", "superuser\n2   astro  Observers\n"}, not: []string{"eve", " \n"}},
		{args: "user list everybody", fails: true, err: []string{"too many"}},
		{args: "user passwd astro", err: []string{"password of astro"}},
		{args: "user passwd --password-stdin astro", in: "another-passphrase\r\n", not: []string{"passphrase"}},
		{args: "user passwd nobody", fails: true, err: []string{"there is no user nobody"}},
		{args: "group list", out: []string{"Public", "Observers", "astro, bob", "Night crew"}},
		{args: "group join 'Night crew' astro"},
		{args: "group list", out: []string{"Night crew  astro, bob"}},
		{args: "group leave Observers bob"},
		{args: "group list", out: []string{"Observers   astro\n"}},
		{args: "group join Observers nobody", fails: true, err: []string{"there is no user nobody"}},
		{args: "group join Nobodies astro", fails: true, err: []string{"there is no group Nobodies"}},
		{args: "group leave Observers", fails: true, err: []string{"USER is missing"}},
		{args: "token create astro --name laptop --expires 30d", err: []string{"of astro"}, keep: "secret"},
		{args: "token create --read-only astro", keep: "second"},
		{args: "token create astro --expires yesterday", fails: true, err: []string{`"yesterday" is no time`}},
		{args: "token create astro --expires 2001-01-01", fails: true, err: []string{"has passed"}},
		{args: "token create astro --expires", fails: true, err: []string{"--expires is without a value"}},
		{args: "token create nobody", fails: true, err: []string{"there is no user nobody"}},
		{args: "token list", out: []string{"SCOPE\n", "laptop", "read only", "never"}, not: []string{"{secret}", "{second}"}},
		{args: "token list", keep: `id (?m)^(\d+) .*laptop`},
		{args: "token revoke {id}"},
		{args: "token revoke {id}", fails: true, err: []string{"there is no token {id} (see: nightjar token list)"}},
		{args: "token revoke ../users", fails: true},
		{args: "token list", not: []string{"laptop"}},
		{args: "log --action DELETE", out: []string{"owner  local    DELETE /api/tokens/"}},
		{args: "user remove bob"},
		{args: "user remove bob", fails: true, err: []string{"there is no user bob"}},
		{args: "group remove 'Night crew'"},
		{args: "group remove 'Night crew'", fails: true, err: []string{"there is no group Night crew"}},
		{args: "group list", not: []string{"bob", "Night crew"}},
	}},
	{"targets and data", []step{
		{args: "group add Observers"},
		{args: "user add astro --group Observers"},
		{args: "user add bob"},
		{args: "target add 'NJ 26a' --ra 13:47:02.1 --dec -12:30:00 --alias 'First Name' --alias AT26a", out: []string{"NJ 26a"}, keep: `id target (\d+):`},
		{args: "target list", out: []string{"206.75875", "-12.5", "PRIVATE", "First Name, AT26a"}},
		{args: "target list --as bob", not: []string{"NJ 26a"}},
		{args: "target list --as nobody", fails: true, err: []string{"There is no user nobody."}, not: []string{"NAME"}},
		{args: "target add 'NJ 26a' --ra 1 --dec 1", fails: true, err: []string{"name"}},
		{args: "target add M31 --ra 10.68", fails: true, err: []string{"--dec is missing"}},
		{args: "target add M31", fails: true, err: []string{"--ra and --dec are missing"}},
		{args: "target add M31 --ra 10.68 --dec 95", fails: true, err: []string{"--dec"}},
		{args: "target add M31 --ra teatime --dec 5", fails: true, err: []string{"--ra"}},
		{args: "target add --ra 10.68 --dec 5", fails: true, err: []string{"NAME is missing"}},
		{args: "target add M31 --ra 10.68 --dec 5 --group Nobodies", fails: true, err: []string{"there is no group Nobodies"}},
		{args: "target add M31 --ra 10.68 --dec 5 --permissions some", fails: true, err: []string{"--permissions: ", "(see: nightjar target add --help)"}},
		{args: "target add --permissions open --ra 10.68 --dec +41.27 -- M31"},
		{args: "target add --ra 1 --dec 2 -- -odd-name-"},
		{args: "target remove -- -odd-name-"},
		{args: "target list --name 31", out: []string{"M31", "OPEN"}, not: []string{"NJ 26a"}},
		{args: "target share 'First Name' Observers"},
		{args: "target list --as astro", out: []string{"NJ 26a"}},
		{args: "target unshare {id} Observers"},
		{args: "target list --as astro", not: []string{"NJ 26a"}},
		{args: "target share 'NJ 26a' Observers"},
		{args: "target share nothing Observers", fails: true, err: []string{"there is no target nothing"}},
		{args: "target share 'NJ 26a'", fails: true, err: []string{"GROUP is missing"}},

		{args: "import product --target 'NJ 26a' {dir}/lc.csv --type photometry", out: []string{"photometry, 3 data added, 0 there already, 0 left out"}},
		{args: "import product {dir}/lc.csv {dir}/faint.csv --target AT26a", out: []string{"0 data added, 3 there already", "2 data added"}},
		{args: "import product {dir}/bad.csv {dir}/spec.csv --target {id} --date-obs 60315.5", fails: true, out: []string{"spectroscopy, 1 data added"},
			err: []string{"bad.csv: line 3", "column error", "1 of 2 files refused"}},
		{args: "import product {dir}/nothing.csv --target {id}", fails: true, err: []string{"nightjar: {dir}/nothing.csv: no such file"}, not: []string{"refused"}},
		{args: "import product {dir}/bad.csv --target {id}", fails: true, err: []string{"nightjar: {dir}/bad.csv: line 3"}, not: []string{"refused"}},
		{args: "import product {dir}/lc.csv", fails: true, err: []string{"without --target each row must name its target"}},
		{args: "import product --target {id}", fails: true, err: []string{"FILE is missing"}},
		{args: "import product {dir}/lc.csv --target nothing", fails: true, err: []string{"there is no target nothing"}},
		{args: "import product {dir}/lc.csv --target {id} --as bob", fails: true, err: []string{"there is no target"}},
		{args: "import product {dir}/lc.csv --target {id} --type colour", fails: true, err: []string{"data_product_type"}},

		{args: "import targets {dir}/targets.csv", fails: true, out: []string{"2 added, 1 refused"},
			err: []string{"targets.csv, line 4: dec", "ra 370.5 is taken as 10.5", "column id is not taken over", "1 row of 3 refused"}},
		{args: "target list", out: []string{"NJ 26b", "Second Name", "Observers", "NJ 26c", "10.5"}, not: []string{"NJ 26d"}},
		{args: "import targets {dir}/twice.csv", fails: true, err: []string{"line 1", "twice"}},
		{args: "import targets {dir}/ragged.csv", fails: true, err: []string{"line 3"}},
		{args: "target list", not: []string{"NJ 26e"}},
		{args: "import targets {dir}/nothing.csv", fails: true},
		{args: "import targets", fails: true, err: []string{"FILE is missing"}},
		{args: "import targets {dir}/targets.csv {dir}/twice.csv", fails: true, err: []string{"too many"}},
		{args: "import datums {dir}/datums.csv", fails: true, out: []string{"2 added, 2 refused"}, err: []string{"datums.csv, line 4: target: There is no target called \"nobody\"", "datums.csv, line 5: timestamp"}},
		{args: "import datums {dir}/datums.csv", fails: true, out: []string{"0 added, 2 there already, 2 refused"}},
		{args: "import datums {dir}/data.ndjson", out: []string{"1 added, 0 refused"}},
		{args: "import datums {dir}/unknown.csv", fails: true, err: []string{"line 1", `"colour" is not known`}},
		{args: "import datums {dir}/notours.json", fails: true, err: []string{"notours.json, line 1: JSON parse error"}, not: []string{"line 1: target"}},
		{args: "import datums {dir}", fails: true, err: []string{"{dir}: ", "is a directory"}},
		{args: "import product {dir} --target M31", fails: true, err: []string{"{dir}: ", "is a directory"}},
		{args: "import", fails: true, err: []string{"targets, datums, product"}},
		{args: "import colours", fails: true, err: []string{`there is no command "nightjar import colours"`}},

		{args: "export targets", out: []string{"name", "NJ 26a", "First Name"}},
		{args: "export targets --as bob", out: []string{"M31"}, not: []string{"NJ 26a"}},
		{args: "export targets --format votable --cone 10.7,41.3,0.5", out: []string{"<VOTABLE", "M31"}, not: []string{"NJ 26"}},
		{args: "export datums --target 26a --type photometry", out: []string{`"magnitude":17.21`, `"limit":20.1`}, not: []string{"18.7", "flux"}},
		{args: "export datums --format csv --source Elsewhere", out: []string{"value.magnitude", "18.20", "18.7"}, not: []string{"17.21"}},
		{args: "export datums --format ecsv --target-id {id}", out: []string{"# %ECSV", "17.21"}},
		{args: "export datums --format xml", fails: true, err: []string{`"xml" is no format`}},
		{args: "export datums --target-id many", fails: true, err: []string{"--target-id: Enter a number"}},
		{args: "export datums --colour red", fails: true, err: []string{"there is no flag --colour"}},
		{args: "export targets --cone 1,2", fails: true, err: []string{"cone"}},
		{args: "export", fails: true, err: []string{"targets, datums"}},

		{args: "target remove 'First Name'"},
		{args: "target remove 'First Name'", fails: true, err: []string{"there is no target First Name"}},
		{args: "export datums --target-id {id}", not: []string{"17.21"}},
		{args: "stat", out: []string{"targets         3", "reduceddatums   3", "dataproducts    0"}},
	}},
	{"keeping", []step{
		{args: "target add M31 --ra 10.68 --dec 41.27"},
		{args: "stat", out: []string{"format          3", "permissions     targets", "targets         1", "size"},
			keep: `head (?m)^head\s+(\S+)$`},
		{args: "stat now", fails: true, err: []string{"too many"}},
		{args: "import product --target M31 {dir}/lc.csv"},
		{args: "backup {dir}/copy.db", out: []string{"{dir}/copy.db\nhead "}, keep: `later head (\S+)`},
		{args: "backup {dir}/copy.db", fails: true, err: []string{"nightjar: {dir}/copy.db is there already"}},
		{args: "backup {dir}", out: []string{"{dir}/nightjar-"}},
		{args: "backup {dir}/no/such/folder/copy.db", fails: true, err: []string{"{dir}/no/such/folder/copy.db", "cannot be written: no such file or directory"}},
		{args: "backup", fails: true, err: []string{"FILE is missing"}},
		{args: "verify", out: []string{"{file} is whole: ", " 1 files, ", "head {later}"}},
		{args: "verify --repair", out: []string{"{file} is whole: "}},
		{args: "verify --head {head}", out: []string{"is whole"}},
		{args: "verify --head {later}", out: []string{"is whole"}},
		{args: "verify --head 1-0000000000000000000000000000000000000000000000000000000000000000", fails: true, out: []string{"is whole"},
			err: []string{"its log does not contain that head"}, not: []string{"damaged"}},
		{args: "verify --head 9999-0000000000000000000000000000000000000000000000000000000000000000", fails: true, err: []string{"does not contain that head"}, not: []string{"damaged"}},
		{args: "verify --head tail", fails: true, err: []string{`"tail" is not the head of a log`}, not: []string{"damaged"}},
		{args: "verify twice", fails: true, err: []string{"too many"}},
		{args: "target remove M31"},
		{args: "compact", out: []string{" before, ", " now"}},
		{args: "verify --head {later}", out: []string{"is whole"}},
		{args: "reindex", out: []string{"the index holds all names"}},
		{args: "compact all", fails: true, err: []string{"too many"}},
		{args: "reindex all", fails: true, err: []string{"too many"}},
		{args: "restore {dir}/copy.db", fails: true, err: []string{"{file} is there: a restore never overwrites"}},
		{args: "restore {dir}/copy.db --db {dir}/second.db", out: []string{"restored to {dir}/second.db, as a node of its own"}},
		{args: "verify --db {dir}/second.db --head {later}", out: []string{"is whole"}},
		{args: "target list --db {dir}/second.db", out: []string{"M31"}},
		{args: "export datums --db={dir}/second.db", out: []string{"17.21"}},
		{args: "restore {dir}/lc.csv --db {dir}/third.db", fails: true},
		{args: "restore {dir}/nothing.db --db {dir}/third.db", fails: true},
		{args: "stat --db {dir}/third.db", fails: true, err: []string{"there is no file {dir}/third.db"}},
		{args: "restore", fails: true, err: []string{"FILE is missing"}},
		{args: "check-file {dir}/copy.db", out: []string{`"good":true`}},
		{args: "check-file", fails: true, err: []string{"FILE is missing"}},
		{args: "check-file {dir}/nothing.db", fails: true, err: []string{"there is no file"}},
		{args: "version", out: []string{"nightjar "}},
	}},
	{"the line itself", []step{
		{args: "", out: []string{"serve", "import", "NIGHTJAR_DB"}, not: []string{"check-file"}},
		{args: "--help", out: []string{"serve", "export"}},
		{args: "target add --help", out: []string{"--ra DEGREES", "--permissions WHO"}},
		{args: "target --help add", out: []string{"COMMANDS", "share"}},
		{args: "help", out: []string{"COMMANDS", "serve", "NIGHTJAR_DB"}, not: []string{"check-file"}},
		{args: "help target add", out: []string{"nightjar target add NAME [flags]", "--ra DEGREES", "EXAMPLES"}},
		{args: "target help", out: []string{"COMMANDS", "share"}},
		{args: "serve --help", out: []string{"FLAGS: limits\n  --max-body SIZE ", "(default 1h)", "(default 127.0.0.1:8000)"}, not: []string{"(default false)", "`"}},
		{args: "help colours", fails: true, err: []string{`there is no command "nightjar colours"`}},
		{args: "--version", out: []string{"nightjar "}, not: []string{"USAGE"}},
		{args: "targets list", fails: true, err: []string{`Did you mean "target"?`}},
		{args: "user ad astro", fails: true, err: []string{`Did you mean "add"?`}},
		{args: "user add astro --grup Observers", fails: true, err: []string{`Did you mean "--group"?`}},
		{args: "colours", fails: true, err: []string{`there is no command "nightjar colours"`}},
		{args: "--colour stat", fails: true, err: []string{"there is no flag --colour", "nightjar --help"}},
		{args: "user --colour list", fails: true, err: []string{"there is no flag --colour"}},
		{args: "stat --db", fails: true, err: []string{"--db is without a value"}},
		{args: "serve somewhere", fails: true, err: []string{"too many"}},
		{args: "serve --listen 127.0.0.1:0 --base-url node.example.org", fails: true, err: []string{"is no URL"}},
		{args: "serve --listen nowhere", fails: true, err: []string{`--listen: "nowhere" is no address and port`}},
		{args: "serve --lan --listen nowhere", fails: true, err: []string{`--listen: "nowhere" is no address and port`}},
		{args: "serve --listen 127.0.0.1:99999", fails: true, err: []string{`--listen: "127.0.0.1:99999" is no address and port`}},
		{args: "log --since teatime", fails: true, err: []string{"--since: ", "nightjar log --help"}},
		{args: "log --table moons", fails: true, err: []string{"--table: "}},
		{args: "user add x --superuser=perhaps", fails: true},
	}},
}

func TestEveryCommand(t *testing.T) {
	for _, served := range []bool{false, true} {
		name := map[bool]string{false: "alone", true: "served"}[served]
		for _, scenario := range everyCommand {
			t.Run(name+"/"+scenario.name, func(t *testing.T) {
				t.Parallel()
				file, dir := newFile(t), t.TempDir()
				for name, text := range scenarioFiles {
					write(t, dir, name, text)
				}
				var s *server
				if served {
					s = serveFile(t, file)
				}
				play(t, file, dir, scenario.steps)
				if served {
					if status := s.stop(); status != 0 {
						t.Errorf("the server ended with status %d: %s", status, s.errs)
					}
				}
				if out := must(t, "verify", "--db", file); !strings.Contains(out, "is whole") {
					t.Error(out)
				}
				left, err := filepath.Glob(file + ".s*")
				if err != nil || len(left) > 0 {
					t.Errorf("left behind: %v %v", left, err)
				}
			})
		}
	}
}

// What a token printed by the command line is good for.
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

// A password is a line: who types it need not end the input as well.
func TestPasswordLine(t *testing.T) {
	file := newFile(t)
	in, typed := io.Pipe()
	defer typed.Close()
	go io.WriteString(typed, "a-long-passphrase\r\n")
	if r := callWith(t, in, func(string) string { return "" }, "user", "add", "astro", "--password-stdin", "--db", file); r.status != 0 || r.out+r.err != "" {
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

// The file can be named by the environment; the flag wins.
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

// A command that may make the file says so when it does; the others refuse.
func TestMissingFile(t *testing.T) {
	dir := t.TempDir()
	lc := write(t, dir, "targets.csv", "name,ra,dec\nNJ 1,1,2\n")
	makes := [][]string{{"settings", "set", "tom_name", "x"}, {"user", "add", "astro"}, {"group", "add", "Observers"}, {"target", "add", "NJ 1", "--ra", "1", "--dec", "2"},
		{"import", "targets", lc}}
	for i, args := range makes {
		file := filepath.Join(dir, string(rune('a'+i))+".db")
		if r := call(t, "", append(args, "--db", file)...); r.status != 0 || !strings.Contains(r.err, file+" is a new file") {
			t.Errorf("%v: %+v", args, r)
		}
		if r := call(t, "", append(args, "--db", file)...); strings.Contains(r.err, "new file") {
			t.Errorf("%v again: %+v", args, r)
		}
	}
	file := filepath.Join(dir, "none.db")
	call(t, "", "import", "targets", "nothing.csv", "--db", file).refused(t, "nothing.csv: no such file")
	for _, args := range readers {
		call(t, "", append(args, "--db", file)...).refused(t, "there is no file "+file+": nightjar serve makes it")
		if _, err := os.Stat(file); err == nil {
			t.Fatalf("%v made the file", args)
		}
	}
	empty := write(t, dir, "empty.db", "")
	for _, args := range readers {
		call(t, "", append(args, "--db", empty)...).refused(t, empty+" is an empty file: nightjar serve makes an archive of it")
	}
	call(t, "", "user", "add", "astro", "--db", filepath.Join(dir, "no", "x.db")).refused(t, "no file can be made in the folder "+filepath.Join(dir, "no")+": no such file")
	call(t, "", "target", "add", "NJ 1", "--ra", "1", "--db", file).refused(t, "--dec is missing")
	if _, err := os.Stat(file); err == nil {
		t.Error("a command that was called the wrong way made a file")
	}
}

// readers are commands that need a file.
var readers = [][]string{{"settings", "get"}, {"user", "list"}, {"user", "passwd", "x"}, {"user", "remove", "x"}, {"group", "list"}, {"group", "join", "x", "y"}, {"group", "leave", "x", "y"},
	{"group", "remove", "x"}, {"token", "create", "x"}, {"token", "list"}, {"token", "revoke", "1"}, {"target", "list"}, {"target", "share", "x", "y"}, {"target", "unshare", "x", "y"},
	{"target", "remove", "x"}, {"export", "targets"}, {"export", "datums"}, {"export", "--salvage", "x"}, {"import", "datums", "x"}, {"import", "product", "x", "--target", "x"}, {"backup", "x"}, {"verify"}, {"compact"}, {"reindex"}, {"stat"}}

// A file that is not ours, or of a later version, is refused by every command, and stays as it is.
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

package api

import (
	"os/exec"
	"strings"
	"testing"

	"nightjar/internal/testenv"
)

// urllibScript is how people use an API with nothing but Python's standard library: urllib signs in
// only when it is challenged, follows redirects of GET alone, and sends what comes out of an
// iterator in pieces.
const urllibScript = `
import base64, json, sys, urllib.error, urllib.parse, urllib.request
base, user, password = sys.argv[1:]
keys = urllib.request.HTTPPasswordMgrWithDefaultRealm()
keys.add_password(None, base, user, password)
opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(keys))

def ask(method, path, body=None, kind="application/json"):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=body, method=method)
    if body is not None:
        request.add_header("Content-Type", kind)
    try:
        with opener.open(request) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())

status, target = ask("POST", "/api/targets/", {"name": "η Carinæ", "type": "SIDEREAL", "ra": 161.26, "dec": -59.68, "permissions": "OPEN"})
print(status, target["name"])
print(*ask("POST", "/api/targets/", {"name": "η Carinæ", "type": "SIDEREAL", "ra": 1, "dec": 1}))
print(ask("GET", "/api/targets?" + urllib.parse.urlencode({"name": "η", "strict": "true"}))[1]["count"])
print(ask("PATCH", "/api/targets/%d/" % target["id"], {"epoch": 2000})[1]["epoch"])
status, datum = ask("POST", "/api/reduceddatums/", urllib.parse.urlencode({"target": target["id"], "data_type": "photometry", "value": '{"magnitude": 1.50}'}).encode(), "application/x-www-form-urlencoded")
print(status, datum["value"])
lines = (json.dumps({"target": target["id"], "data_type": "photometry", "timestamp": "2026-01-01T00:00:%02dZ" % s, "value": {"magnitude": s}}).encode() + b"\n" for s in range(60))
mine = {"Content-Type": "application/x-ndjson", "Authorization": "Basic " + base64.b64encode((user + ":" + password).encode()).decode()}
stream = urllib.request.Request(base + "/api/reduceddatums/", data=lines, method="POST", headers=mine)  # which cannot be sent again after a challenge
print(json.load(urllib.request.urlopen(stream))["created"])
part = b"--x\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n"
form = part % (b"target", b"", b"%d" % target["id"]) + part % (b"data_product_type", b"", b"photometry") + part % (b"file", b"; filename=\"a.csv\"", b"time,magnitude\n60000.5,15.5\n") + b"--x--\r\n"
status, product = ask("POST", "/api/dataproducts/", form, "multipart/form-data; boundary=x")
print(status, product["report"]["created"], urllib.request.urlopen(product["data"]).read().decode().split()[0])
print(*ask("DELETE", "/api/dataproducts/%d/" % product["id"]))
wrong = urllib.request.Request(base + "/api/targets/", headers={"Authorization": "Basic eDp5"})
try:
    urllib.request.urlopen(wrong)
except urllib.error.HTTPError as refused:
    print(refused.code, refused.headers["WWW-Authenticate"])
`

func TestUrllib(t *testing.T) {
	t.Parallel()
	python := testenv.Need(t, "python3")
	n := start(t, Options{})
	cmd := exec.Command(python, "-I", "-", n.URL, "astro", password("astro"))
	cmd.Stdin = strings.NewReader(urllibScript)
	cmd.Env = append(cmd.Environ(), "PYTHONIOENCODING=utf-8", "no_proxy=*")
	out, err := cmd.CombinedOutput()
	want := `201 η Carinæ
400 {'name': ['target with this Name already exists.']}
1
2000.0
201 {'magnitude': 1.5}
60
201 1 time,magnitude
204 None
401 Basic realm="api"
`
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

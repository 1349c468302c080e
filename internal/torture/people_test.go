package torture_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"nightjar/internal/torture"
)

// person is a user of a node, with credentials.
type person struct {
	ID       int
	name     string
	password string
	token    string
	tokenID  int
}

// addUser creates a user with a token, which expires at expires unless that is zero.
func (n *node) addUser(name string, super bool, expires time.Time, groups ...string) *person {
	n.t.Helper()
	u := &person{name: name, password: "long-enough-" + name}
	named := []map[string]string{}
	for _, g := range groups {
		named = append(named, map[string]string{"name": g})
	}
	n.ask(http.MethodPost, "/api/users/",
		map[string]any{"username": name, "password": u.password, "is_superuser": super, "groups": named}, u)
	n.addToken(u, expires)
	return u
}

// addToken gives a user another token.
func (n *node) addToken(u *person, expires time.Time) {
	n.t.Helper()
	in := map[string]any{"name": "test", "username": u.name}
	if !expires.IsZero() {
		in["expires"] = expires.UTC().Format(time.RFC3339Nano)
	}
	var got struct {
		ID    int
		Token string
	}
	n.ask(http.MethodPost, "/api/tokens/", in, &got)
	u.token, u.tokenID = got.Token, got.ID
}

// addGroup creates a group.
func (n *node) addGroup(name string) (id int) {
	n.t.Helper()
	var got struct{ ID int }
	n.ask(http.MethodPost, "/api/groups/?all=true", map[string]string{"name": name}, &got)
	return got.ID
}

// shareTarget creates a target that groups may change.
func (n *node) shareTarget(name, permissions string, groups ...string) (id int) {
	n.t.Helper()
	named := []map[string]string{}
	for _, g := range groups {
		named = append(named, map[string]string{"name": g})
	}
	var got struct{ ID int }
	n.ask(http.MethodPost, "/api/targets/",
		map[string]any{"name": name, "type": "SIDEREAL", "ra": 1, "dec": 1, "permissions": permissions,
			"groups": named}, &got)
	return got.ID
}

// ask sends a request of the superuser, which must succeed.
func (n *node) ask(method, path string, in, out any) {
	n.t.Helper()
	if err := n.admin.Call(n.t.Context(), method, path, in, out); err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// set changes a setting.
func (n *node) set(name, value string) {
	n.t.Helper()
	n.ask(http.MethodPut, "/api/settings/"+name+"/", map[string]string{"value": value}, nil)
}

// count is the number of rows that the superuser sees in a list.
func (n *node) count(path string) int {
	n.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	var page struct{ Count int }
	n.ask(http.MethodGet, path+sep+"limit=1", nil, &page)
	return page.Count
}

// withToken and withPassword return the Authorization header of a user.
func (u *person) withToken() string { return "Token " + u.token }

func (u *person) withPassword() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.name+":"+u.password))
}

// client returns a client with the user's token.
func (u *person) client(n *node) *torture.Client { return n.Client(u.token) }

// slowRequest is a request on a connection of its own; the test decides when its parts are sent and
// read.
type slowRequest struct {
	conn   net.Conn
	b      *bufio.Reader
	method string
	rest   []byte         // of the body
	early  *http.Response // an answer that came before the body was requested
}

// dial opens a connection to a node and closes it when the test ends.
func dial(t testing.TB, n *node) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.URL, "http://"))
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	return conn
}

// begin sends the header of a request and, once the server asks for the body, its first bytes, half
// of it if first is 0. A server asks once it has decided that the user may send it.
func begin(t testing.TB, n *node, authorization, method, path, contentType string, body []byte,
	first int) *slowRequest {
	t.Helper()
	c := &slowRequest{conn: dial(t, n), method: method, rest: body}
	c.b = bufio.NewReader(c.conn)
	_, err := fmt.Fprintf(c.conn,
		"%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nExpect: "+
			"100-continue\r\n\r\n",
		method, path, strings.TrimPrefix(n.URL, "http://"), authorization, contentType, len(body))
	check(t, err)
	r, err := http.ReadResponse(c.b, &http.Request{Method: method})
	check(t, err)
	if r.StatusCode != http.StatusContinue {
		c.early = r
		return c
	}
	if first == 0 {
		first = len(body) / 2
	}
	if _, err = c.conn.Write(body[:first]); err != nil {
		t.Fatalf("%s %s: the first half of the body: %v", method, path, err)
	}
	c.rest = body[first:]
	return c
}

// end sends the rest of the body and reads the answer. The status is 0 if the server closed the
// connection without an answer.
func (c *slowRequest) end() (status int, body string) {
	defer c.conn.Close()
	r := c.early
	if r == nil {
		go c.conn.Write(c.rest)
		var err error
		if r, err = http.ReadResponse(c.b, &http.Request{Method: c.method}); err != nil {
			return 0, err.Error()
		}
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return r.StatusCode, string(b) + " and then " + err.Error()
	}
	return r.StatusCode, string(b)
}

// productForm is the body of an upload.
func productForm(target int, productID, kind, fileName string, content []byte) (contentType string, body []byte) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	form.WriteField("target", fmt.Sprint(target))
	form.WriteField("data_product_type", kind)
	form.WriteField("product_id", productID)
	part, _ := form.CreateFormFile("file", fileName)
	part.Write(content)
	form.Close()
	return form.FormDataContentType(), b.Bytes()
}

// postFile uploads a file as a user.
func postFile(t testing.TB, c *torture.Client, query string, target int, productID, kind, fileName string,
	content []byte) (got struct {
	ID   int
	Data string
}, err error) {
	t.Helper()
	contentType, body := productForm(target, productID, kind, fileName, content)
	r, err := c.Send(t.Context(), http.MethodPost, "/api/dataproducts/"+query, contentType, bytes.NewReader(body))
	if err != nil {
		return got, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil {
		err = unmarshal(b, &got)
	}
	return got, err
}

// lightCurve is a table with this many rows, from an MJD on.
func lightCurve(begin float64, rows int) []byte {
	b := make([]byte, 0, rows*32)
	b = append(b, "time,filter,magnitude,error\n"...)
	for i := range rows {
		b = fmt.Appendf(b, "%.6f,g,%.4f,0.01\n", begin+1e-5*float64(i), 15+float64(i%5000)/1000)
	}
	return b
}

package cli

import (
	"path/filepath"
	"testing"
)

// TestWhatMessagesSay: what a newcomer mistypes is answered with what is wrong, by the name of the
// flag, and with what to write.
func TestWhatMessagesSay(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	dir := filepath.Dir(file)
	data := write(t, dir, "flux.csv", "mjd,filter,flux\n60401.5,r,11.5\n")
	must(t, "user", "add", "astro", "--db", file)
	must(t, "group", "add", "Observers", "--db", file)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--as", "astro", "--db", file)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"target", "unshare", "NJ 1", "Observers"}, "Observers has no permissions on NJ 1"},
		{[]string{"target", "add", "NJ 2", "--ra", "1", "--dec", "2", "--group", "Observers", "--as", "astro"},
			"there is no group Observers that astro can see: users see only the groups of which they are members"},
		{[]string{"import", "product", data, "--target", "NJ 1", "--group", "Observers", "--as", "astro"},
			"there is no group Observers that astro can see"},
		{[]string{"target", "add", "NJ 2", "--ra", "13:47:02.1 -12:30:00", "--dec", "5"},
			"--ra has both coordinates, and --dec is given too"},
		{[]string{"target", "add", "NJ 2", "--ra", "206:45:00", "--dec", "5"}, "write degrees as 206d45m00s"},
		{[]string{"inspect", data, "--flux-unit", "banana"}, "--flux-unit: 'banana' is not a known unit"},
		{[]string{"inspect", data, "--zero-point", "bright"}, "--zero-point: 'bright' is not a zero point"},
		{[]string{"inspect", data, "--date-obs", "03/04/2026"}, "--date-obs: '03/04/2026' is not a time; write it as"},
		{[]string{"inspect", data, "--time-format", "sidereal"}, "--time-format: 'sidereal' is not understood"},
		{[]string{"inspect", data, "--images", "raw"}, "--images: 'raw' is neither difference nor reduced"},
	} {
		call(t, "", append(c.args, "--db", file)...).refused(t, c.says)
	}
	must(t, "target", "share", "NJ 1", "Observers", "--can", "change,delete", "--db", file)
	const want = "Observers may view NJ 1\nObservers may no longer change and delete NJ 1\n"
	if got := must(t, "target", "share", "NJ 1", "Observers", "--db", file); got != want {
		t.Errorf("sharing with fewer rights prints %q, want %q", got, want)
	}
}

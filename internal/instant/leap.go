package instant

import "slices"

// Lengths in microseconds, and the day from which times count.
const (
	SecondMicros = int64(1_000_000)
	DayMicros    = 86_400 * SecondMicros
	MJDOfUnix    = 40_587 // MJD of 1970-01-01
)

// leapDays are the MJD of the 27 days that ended with a leap second (IERS Bulletin C; none since
// 2016). From 1972-01-01 to the first of them TAI-UTC was 10 s; each adds one.
var leapDays = [...]int64{
	41498, 41682, 42047, 42412, 42777, 43143, 43508, 43873, 44238, // 1972 June and December, then December to 1979
	44785, 45150, 45515, 46246, 47160, 47891, 48256, // June 1981, 1982, 1983, 1985; December 1987, 1989, 1990
	48803, 49168, 49533, 50082, 50629, 51178, // June 1992, 1993, 1994; December 1995; June 1997; December 1998
	53735, 54831, 56108, 57203, 57753, // December 2005, 2008; June 2012, 2015; December 2016
}

// startOf1972 is 1972-01-01 in microseconds. UTC and TAI differ by whole seconds since then.
const startOf1972 = (41_317 - MJDOfUnix) * DayMicros

// OnLeapDay reports whether a time of UTC is on a day that ended with a leap second. Arithmetic
// with days of 86,400 s cannot tell that second from the first of the next day.
func OnLeapDay(t int64) bool {
	day := t / DayMicros
	if t%DayMicros < 0 {
		day--
	}
	_, found := slices.BinarySearch(leapDays[:], day+MJDOfUnix)
	return found
}

// utcFromTAI converts TAI to UTC, both in microseconds since 1970-01-01 in days of 86,400 s. A time
// within a leap second gives the first second of the next day. ok is false before 1972.
func utcFromTAI(t int64) (utc int64, ok bool) {
	for i := len(leapDays); i >= 0; i-- {
		utc = t - (10+int64(i))*SecondMicros
		since := startOf1972
		if i > 0 {
			since = (leapDays[i-1] + 1 - MJDOfUnix) * DayMicros
		}
		if utc >= since {
			return utc, true
		}
	}
	return 0, false
}

// utcFromTT converts Terrestrial Time, which is TAI + 32.184 s.
func utcFromTT(t int64) (utc int64, ok bool) {
	return utcFromTAI(t - 32_184_000)
}

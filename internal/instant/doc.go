// Package instant reads times as people and programs write them, exact to the microsecond.
//
// A time is a number of microseconds of UTC since 1970-01-01, in days of 86,400 s, of the years 1
// to 9999. Numbers are computed from their decimal text in integers ([Decimal]), not as float64,
// and rounded half to even. [Parse] reads a time whose [Kind] is known from a name: a Julian date,
// a Modified Julian Date, Unix seconds, or text. [ParseISO] and [ParseDateText] read dates in text.
// A [Clock] describes how a column counts time: a kind, or days since a given time, and a [Scale]
// (UTC, TAI, TT, TDB, TCB, GPS) from which it converts.
//
// # Caveats
//
// In days of 86,400 s, a leap second cannot be told from the first second of the next day: 23:59:60
// becomes 00:00:00. [OnLeapDay] reports times on such days. TAI, TT, TDB, TCB and GPS are converted
// from 1972 on, TDB and TCB within 50 microseconds.
package instant

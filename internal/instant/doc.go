// Package instant reads times as people and programs write them, exactly to the microsecond.
//
// A time is a number of microseconds of UTC since 1970-01-01 in days of 86,400 s, of the years 1 to
// 9999. Numbers are computed from their decimal text in integers ([Decimal]), never by way of a
// float64, and rounded half to even. [Parse] reads a time of which a name tells the [Kind]: a
// Julian date, a modified one, Unix seconds, or text; [ParseISO] and [ParseDateText] read dates in
// text. A [Clock] is a whole way of counting: a kind, or days since a stated time, and a [Scale]
// (UTC, TAI, TT, TDB, TCB, GPS), from which it converts.
//
// A time on a day that ended with a leap second cannot be told from one of the next day by this
// arithmetic: [OnLeapDay] says so, and 23:59:60 becomes 00:00:00 of the next day. TAI, TT, TDB, TCB
// and GPS are converted from 1972 on, TDB and TCB within 50 microseconds.
package instant

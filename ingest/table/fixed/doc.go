// Package fixed reads tables whose columns have fixed places on a line and are described above
// them: IPAC tables (ipac.go) and the machine-readable tables of CDS and of the AAS journals
// (mrt.go). A value outside of its column is a problem of its row, because cutting the line would
// shorten a number. Package table reads columns under a ruler.
package fixed

// Package sky is arithmetic of directions: angles are read here and nowhere else, and cones are
// compared with directions. Angles are in degrees, in ICRS. The package knows no targets, no
// storage and no network.
package sky

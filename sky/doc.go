// Package sky has angles and directions: it reads angles, which no other package does, and compares
// directions with cones. Angles are in degrees, in ICRS.
package sky

// The table of a light curve: its points with the values that the node keeps.
import { fold } from "./photometry.js";

const blank = (n) => (Number.isNaN(n) ? "" : n);

// curveColumns are the columns of the table, as writeECSV takes them, each with the cell of a point.
// With a period, in days, and a time of phase 0, as MJD, they include the phase.
export function curveColumns({ period = 0, zero = 0 } = {}) {
  return [
    { name: "mjd", unit: "d", description: "UTC", cell: (p) => p.time.toFixed(6) },
    { name: "timestamp", text: true, cell: (p) => p.datum.timestamp },
    { name: "filter", text: true, cell: (p) => p.filter },
    { name: "magnitude", unit: "mag", cell: (p) => blank(p.magnitude) },
    { name: "error", unit: "mag", description: "of the magnitude", cell: (p) => blank(p.error) },
    { name: "limit", unit: "mag", cell: (p) => (Number.isNaN(p.fluxLimit) ? blank(p.limit) : "") },
    { name: "source", text: true, cell: (p) => p.source },
    { name: "flux", description: "in flux_unit", cell: (p) => blank(p.flux) },
    { name: "flux_error", description: "in flux_unit", cell: (p) => blank(p.fluxError) },
    { name: "flux_limit", description: "in flux_unit", cell: (p) => blank(p.fluxLimit) },
    { name: "flux_unit", text: true, cell: (p) => p.fluxUnit },
    { name: "zero_point", unit: "mag", description: "the magnitude of a flux of 1 in flux_unit",
      cell: (p) => blank(p.zeroPoint) },
    { name: "magsys", text: true, description: "the system of the magnitudes", cell: (p) => p.system },
    period > 0 && { name: "phase", description: "for a period of " + period + " d, 0 at MJD " + zero,
      cell: (p) => fold(p.time, period, zero).toFixed(6) },
  ].filter(Boolean);
}

// curveRows are the cells of points, in the order of time.
export const curveRows = (columns, points) =>
  [...points].sort((a, b) => a.time - b.time).map((p) => columns.map((c) => c.cell(p)));

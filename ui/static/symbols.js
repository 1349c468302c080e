// The symbols of plots. Symbols with an inside may be filled or open.

const shapes = {
  circle: (c, x, y, r) => c.arc(x, y, r, 0, 7),
  square: (c, x, y, r) => c.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7),
  diamond: (c, x, y, r) => polygon(c, x, y, r * 1.25, 4, 0),
  triangle: (c, x, y, r) => polygon(c, x, y, r * 1.25, 3, 0),
  pentagon: (c, x, y, r) => polygon(c, x, y, r * 1.15, 5, 0),
  hexagon: (c, x, y, r) => polygon(c, x, y, r * 1.1, 6, Math.PI / 6),
  star: (c, x, y, r) => {
    for (let i = 0; i < 10; i++) {
      const a = -Math.PI / 2 + i * Math.PI / 5, d = i % 2 ? r * 0.55 : r * 1.4;
      c.lineTo(x + d * Math.cos(a), y + d * Math.sin(a));
    }
    c.closePath();
  },
  plus: (c, x, y, r) => {
    c.moveTo(x - r, y);
    c.lineTo(x + r, y);
    c.moveTo(x, y - r);
    c.lineTo(x, y + r);
  },
  cross: (c, x, y, r) => {
    c.moveTo(x - r * 0.8, y - r * 0.8);
    c.lineTo(x + r * 0.8, y + r * 0.8);
    c.moveTo(x - r * 0.8, y + r * 0.8);
    c.lineTo(x + r * 0.8, y - r * 0.8);
  },
  limit: (c, x, y, r) => { // a triangle that points down: fainter than this
    c.moveTo(x - r * 1.05, y - r * 0.8);
    c.lineTo(x + r * 1.05, y - r * 0.8);
    c.lineTo(x, y + r * 1.1);
    c.closePath();
  },
};

function polygon(c, x, y, r, n, turn) {
  for (let i = 0; i < n; i++) {
    const a = turn - Math.PI / 2 + i * 2 * Math.PI / n;
    c.lineTo(x + r * Math.cos(a), y + r * Math.sin(a));
  }
  c.closePath();
}

// symbolNames are the symbols for measurements, in the order of their use.
export const symbolNames = ["circle", "square", "diamond", "triangle", "pentagon", "star", "hexagon", "plus", "cross"];

// stamp is a small image of a symbol, for drawing it many times quickly. ground is the colour
// inside an open symbol.
export function stamp(name, colour, filled, r, ground, scale) {
  const half = Math.ceil(r * 1.5 + 2), canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2 * half * scale;
  const c = canvas.getContext("2d");
  c.scale(scale, scale);
  c.beginPath();
  shapes[name](c, half, half, r);
  c.strokeStyle = colour;
  c.lineWidth = 1.3;
  if (name !== "plus" && name !== "cross") {
    c.fillStyle = filled ? colour : ground;
    c.fill();
  }
  c.stroke();
  return { canvas, half };
}

// Points are a Float32Array of x, y pairs, in the coordinates of the map (y grows upwards).

// Even-odd rule. Marks what lies inside the polygon; a point that is not shown cannot be caught.
function caught(polygon, xy, shown) {
  const inside = new Uint8Array(shown.length);
  const xs = polygon.map(([x]) => x);
  const ys = polygon.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  for (let i = 0; i < shown.length; i += 1) {
    const x = xy[2 * i];
    const y = xy[2 * i + 1];
    if (shown[i] && x >= left && x <= right && y >= low && y <= high && isInside(x, y, xs, ys)) inside[i] = 1;
  }
  return inside;
}

function isInside(x, y, xs, ys) {
  let inside = false;
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i, i += 1) {
    if (ys[i] > y !== ys[j] > y && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) inside = !inside;
  }
  return inside;
}

// The shown point nearest to (x, y), at most `reach` away; -1 where there is none.
function nearest(xy, shown, x, y, reach) {
  let best = reach * reach;
  let found = -1;
  for (let i = 0; i < shown.length; i += 1) {
    const dx = xy[2 * i] - x;
    const dy = xy[2 * i + 1] - y;
    const square = dx * dx + dy * dy;
    if (square <= best && shown[i]) {
      best = square;
      found = i;
    }
  }
  return found;
}

// The nearest shown point in a direction (1, 0), (-1, 0), (0, 1) or (0, -1): for the arrow keys.
function towards(xy, shown, from, [ux, uy]) {
  let best = Infinity;
  let found = from;
  for (let i = 0; i < shown.length; i += 1) {
    if (i === from || !shown[i]) continue;
    const dx = xy[2 * i] - xy[2 * from];
    const dy = xy[2 * i + 1] - xy[2 * from + 1];
    const along = dx * ux + dy * uy;
    const across = Math.abs(dx * uy - dy * ux);
    if (along <= 0 || across > along) continue;
    if (along + 2 * across < best) {
      best = along + 2 * across;
      found = i;
    }
  }
  return found;
}

// The square that holds all these maps, with a margin: [centre x, centre y, half its side].
function frameOf(maps) {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const xy of maps) {
    for (let i = 0; i < xy.length; i += 2) {
      if (xy[i] < left) left = xy[i];
      if (xy[i] > right) right = xy[i];
      if (xy[i + 1] < low) low = xy[i + 1];
      if (xy[i + 1] > high) high = xy[i + 1];
    }
  }
  if (!(right >= left)) return [0, 0, 1];
  return [(left + right) / 2, (low + high) / 2, Math.max(right - left, high - low, 1e-6) / 2];
}

function between(before, after, share) {
  if (share >= 1 || !before || before === after) return after;
  if (share <= 0) return before;
  const xy = new Float32Array(after.length);
  for (let i = 0; i < xy.length; i += 1) xy[i] = before[i] + share * (after[i] - before[i]);
  return xy;
}

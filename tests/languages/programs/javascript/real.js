// Checksums, shortest paths, a priority queue and generators, all by hand.
"use strict";

class Heap {
  #items = [];
  #before;

  constructor(before) {
    this.#before = before;
  }

  get size() {
    return this.#items.length;
  }

  push(item) {
    const items = this.#items;
    let i = items.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(items[i], items[parent])) break;
      [items[i], items[parent]] = [items[parent], items[i]];
      i = parent;
    }
  }

  pop() {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (items.length > 0) {
      items[0] = last;
      let i = 0;
      for (;;) {
        let best = i;
        for (const child of [2 * i + 1, 2 * i + 2]) {
          if (child < items.length && this.#before(items[child], items[best])) best = child;
        }
        if (best === i) break;
        [items[i], items[best]] = [items[best], items[i]];
        i = best;
      }
    }
    return top;
  }
}

function shortestPath(graph, from, to) {
  const distance = new Map([[from, 0]]);
  const previous = new Map();
  const queue = new Heap((a, b) => a.cost < b.cost);
  queue.push({ node: from, cost: 0 });
  while (queue.size > 0) {
    const { node, cost } = queue.pop();
    if (node === to) break;
    if (cost > distance.get(node)) continue;
    for (const [next, length] of Object.entries(graph[node] ?? {})) {
      const total = cost + length;
      if (total < (distance.get(next) ?? Infinity)) {
        distance.set(next, total);
        previous.set(next, node);
        queue.push({ node: next, cost: total });
      }
    }
  }
  const path = [];
  for (let node = to; node !== undefined; node = previous.get(node)) path.unshift(node);
  return `${path.join(">")} ${distance.get(to)}`;
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16);
}

function* primes() {
  const multiples = new Map();
  for (let n = 2; ; n++) {
    const factors = multiples.get(n);
    if (!factors) {
      yield n;
      multiples.set(n * n, [n]);
    } else {
      multiples.delete(n);
      for (const p of factors) {
        multiples.set(n + p, [...(multiples.get(n + p) ?? []), p]);
      }
    }
  }
}

function fractionBits(x) {
  return Math.floor((x - Math.floor(x)) * 2 ** 32) >>> 0;
}

function firstPrimes(count) {
  const found = [];
  for (const p of primes()) {
    found.push(p);
    if (found.length === count) return found;
  }
}

function sha256(text) {
  const k = firstPrimes(64).map((p) => fractionBits(Math.cbrt(p)));
  const h = firstPrimes(8).map((p) => fractionBits(Math.sqrt(p)));
  const message = [...new TextEncoder().encode(text)];
  const bits = BigInt(message.length * 8);
  message.push(0x80);
  while (message.length % 64 !== 56) message.push(0);
  for (let shift = 56n; shift >= 0n; shift -= 8n) message.push(Number((bits >> shift) & 255n));
  const rotate = (x, n) => (x >>> n) | (x << (32 - n));
  for (let start = 0; start < message.length; start += 64) {
    const words = new Uint32Array(64);
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        words[i] = message.slice(start + 4 * i, start + 4 * i + 4).reduce((w, b) => (w << 8) | b, 0);
        continue;
      }
      const [x, y] = [words[i - 15], words[i - 2]];
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      words[i] = words[i - 16] + s0 + words[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, z] = h;
    for (let i = 0; i < 64; i++) {
      const t1 = z + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + words[i];
      const t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [z, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, z].forEach((value, i) => (h[i] = (h[i] + value) >>> 0));
  }
  return h.map((word) => word.toString(16).padStart(8, "0")).join("");
}

const graph = {
  A: { B: 7, C: 9, F: 14 },
  B: { A: 7, C: 10, D: 15 },
  C: { A: 9, B: 10, D: 11, F: 2 },
  D: { B: 15, C: 11, E: 6 },
  E: { D: 6, F: 9 },
  F: { A: 14, C: 2, E: 9 },
};

console.log(shortestPath(graph, "A", "E"));
console.log(crc32(new TextEncoder().encode("123456789")));
console.log(sha256("abc"));
console.log(sha256(""));
console.log(firstPrimes(10).join(" "));
console.log(firstPrimes(1000).at(-1));
console.log(Array.from({ length: 31 }, (_, n) => n).reduce((product, n) => product * BigInt(n || 1), 1n).toString());

const sleepSort = [30, 10, 20].map((ms) => new Promise((done) => setTimeout(() => done(ms), ms)));
Promise.all(sleepSort)
  .then((all) => console.log(all))
  .finally(() => console.log("done"));

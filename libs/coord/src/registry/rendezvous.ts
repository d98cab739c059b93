/** FNV-1a over UTF-16 units, then the finalizer of MurmurHash3 (A. Appleby, public domain), so that near texts part. */
function hash32(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * How strongly `key` is drawn to `id`: the highest score wins. Weighted rendezvous hashing (Thaler and Ravishankar 1998;
 * weights after Schindelhauer and Schomaker 2005): when an instance comes or goes, only its own keys move, and it has
 * `weight` shares of them. No ring, no state, the same answer in every process.
 */
export function rendezvousScore(key: string, id: string, weight: number): number {
  const drawn = (hash32(key, hash32(id, 0)) + 0.5) / 2 ** 32;
  return weight / -Math.log(drawn);
}

/** FNV-1a (Fowler, Noll, Vo) over UTF-16 code units: spreads keys over a few connections, nothing more. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

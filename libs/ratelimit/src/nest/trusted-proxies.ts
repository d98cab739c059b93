import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net';

export type TrustProxy = false | number | readonly string[];

const CIDR = /^([^/]+)(?:\/(\d{1,3}))?$/;
const MAPPED = '::ffff:';

/** The address in its one normal form; IPv4 inside IPv6 as IPv4; undefined for what is no address. */
export function normalAddress(text: string): string | undefined {
  let bare = text.trim().replace(/^"|"$/g, '');
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(bare);
  if (bracketed?.[1] !== undefined) bare = bracketed[1];
  else if (/^\d+\.\d+\.\d+\.\d+:\d+$/.test(bare)) bare = bare.slice(0, bare.lastIndexOf(':'));
  const [unzoned = ''] = bare.split('%');
  if (unzoned.toLowerCase().startsWith(MAPPED) && isIP(unzoned.slice(MAPPED.length)) === 4)
    return unzoned.slice(MAPPED.length);
  const family = isIP(unzoned);
  if (family === 4) return unzoned;
  if (family !== 6) return undefined;
  const { address } = new SocketAddress({ address: unzoned, family: 'ipv6' });
  return ipv4Within(address) ?? address;
}

/** `::ffff:102:304` is 1.2.3.4. */
function ipv4Within(address: string): string | undefined {
  if (!address.startsWith(MAPPED)) return undefined;
  const rest = address.slice(MAPPED.length);
  if (isIP(rest) === 4) return rest;
  const words = rest.split(':').map((word) => Number.parseInt(word, 16));
  const [high, low] = words.length === 2 ? words : [0, words[0]];
  if (high === undefined || low === undefined) return undefined;
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** An address as a key: IPv6 by its /64, which one subscriber has whole. */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  const [left = '', right] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const words = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail];
  return `${words.slice(0, 4).join(':')}::/64`;
}

function addSubnet(list: BlockList, text: string): boolean {
  const [, address = '', prefix] = CIDR.exec(text.trim()) ?? [];
  const family = isIP(address);
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return false;
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  return true;
}

/** What is wrong with `trustProxy`. `true` would believe every client. */
export function trustProblems(trust: unknown): string[] {
  if (trust === false || (Number.isInteger(trust) && Number(trust) >= 0)) return [];
  if (!Array.isArray(trust))
    return [
      `trustProxy: must be false, the number of proxies, or their addresses; true would let every client choose its address (got ${String(trust)})`,
    ];
  return trust.flatMap((entry: unknown, index) =>
    typeof entry === 'string' && addSubnet(new BlockList(), entry)
      ? []
      : [`trustProxy[${index}]: not an address or network such as 10.0.0.0/8 (got ${JSON.stringify(entry)})`],
  );
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

function chainOf(headers: Headers): string[] {
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' ? value : value?.join(',');
  };
  const forwarded = text('x-forwarded-for');
  if (forwarded !== undefined) return forwarded.split(',');
  return (text('forwarded') ?? '')
    .split(',')
    .map((part) => /(?:^|;)\s*for=("[^"]*"|[^;]*)/i.exec(part.trim())?.[1] ?? '')
    .filter((part) => part !== '');
}

/**
 * Who the client is: the peer, or what trusted proxies say. Walks from the peer leftwards through X-Forwarded-For (else
 * Forwarded) while the address reached so far is trusted; an entry that is no address stops at the last good one.
 */
export class TrustedProxies {
  readonly #hops: number;
  readonly #networks: BlockList | undefined;

  constructor(trust: TrustProxy) {
    this.#hops = typeof trust === 'number' ? trust : 0;
    if (Array.isArray(trust)) {
      this.#networks = new BlockList();
      for (const entry of trust as readonly string[]) addSubnet(this.#networks, entry);
    }
  }

  clientAddress(peer: string | undefined, headers: Headers): string | undefined {
    let address = peer === undefined ? undefined : normalAddress(peer);
    if (address === undefined || (this.#hops === 0 && this.#networks === undefined)) return address;
    let steps = 0;
    for (const entry of chainOf(headers).toReversed()) {
      if (!this.#trusts(address, steps++)) break;
      const next = normalAddress(entry);
      if (next === undefined) break;
      address = next;
    }
    return address;
  }

  #trusts(address: string, steps: number): boolean {
    if (this.#networks === undefined) return steps < this.#hops;
    return this.#networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

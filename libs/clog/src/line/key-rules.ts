/** Keys whose values never reach a line, whatever the configuration adds. */
export const DEFAULT_REDACT: readonly string[] = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'secret',
  'apiKey',
];

export const REDACTED = '[Redacted]';

/** Text that Node keeps of a message it has sent, with all of its headers. */
const HEADER_TEXT = '_header';

/** The line's own keys: a caller's field of such a name moves under `fields`. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  'time',
  'level',
  'msg',
  'namespace',
  'service',
  'env',
  'instance',
  'trace_id',
  'span_id',
  'source',
  // pino reads these from bindings as options
  'serializers',
  'formatters',
  'customLevels',
]);

/** pino looks serializers up by key in a plain object: a key that every object inherits would find a function there. */
const isOwnKey = (key: string): boolean => OWN_KEYS.has(key) || key in Object.prototype;

/** What is to be done with a key: a set of these bits. */
export const KEEP = 0;
export const REDACT = 1;
export const MOVE = 2;
const BY_PATH = 4;

type Path = readonly string[];

const CACHED_KEYS = 4096;
const CACHED_KEY_CHARS = 128;

const endsWith = (path: readonly string[], wanted: Path): boolean =>
  wanted.every((part, index) => {
    const at = path[path.length - wanted.length + index];
    return at !== undefined && (part === '*' || part === at.toLowerCase());
  });

/** Items of arrays have no key in a path: a `*` inside it also stands for them, that is for none. */
function pathsOf(entry: string): Path[] {
  const path = entry.split('.');
  const named = path.filter((part, index) => part !== '*' || index === 0 || index === path.length - 1);
  return named.length === path.length ? [path] : [path, named];
}

/**
 * Compiled redaction: what to do with a key is worked out once and looked up from then on.
 * An entry is a key's name, found at any depth, or a path (`user.email`, `*` for any one key or an array's items) that the end of a field's
 * path must match. Case does not matter.
 */
export class KeyRules {
  readonly #names: ReadonlySet<string>;
  readonly #paths: readonly Path[];
  readonly #known = new Map<string, number>();

  constructor(entries: readonly string[]) {
    const lower = [...DEFAULT_REDACT, HEADER_TEXT, ...entries].map((entry) => entry.toLowerCase());
    this.#names = new Set(lower);
    this.#paths = lower.filter((entry) => entry.includes('.')).flatMap(pathsOf);
  }

  /** Bits for `key`, given the keys that lead to it from the line's root. */
  of(key: string, parents: readonly string[]): number {
    const known = this.#known.get(key) ?? this.#learn(key);
    if ((known & BY_PATH) === 0) return known;
    const path = [...parents, key];
    const redact = this.#paths.some((wanted) => endsWith(path, wanted)) ? REDACT : KEEP;
    return (known & ~BY_PATH) | redact;
  }

  #learn(key: string): number {
    const lower = key.toLowerCase();
    let bits = isOwnKey(key) ? MOVE : KEEP;
    if (this.#names.has(lower)) bits |= REDACT;
    else if (this.#paths.some((path) => path.at(-1) === lower || path.at(-1) === '*')) bits |= BY_PATH;
    if (key.length <= CACHED_KEY_CHARS) {
      if (this.#known.size >= CACHED_KEYS) this.#known.clear();
      this.#known.set(key, bits);
    }
    return bits;
  }
}

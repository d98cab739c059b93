import type { DbProvider } from '@infra-kit/db';

const quoted = (name: string): string =>
  name
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');

/** The tables' names, quoted, and texts made from them. */
export class TableNames {
  readonly outbox: string;
  readonly inbox: string;
  /** Unquoted. */
  readonly plain: { readonly outbox: string; readonly inbox: string };

  constructor(plain: { readonly outbox: string; readonly inbox: string }) {
    this.plain = plain;
    this.outbox = quoted(plain.outbox);
    this.inbox = quoted(plain.inbox);
  }

  /** Without its schema: indexes live where their table does. */
  index(table: 'outbox' | 'inbox', suffix: string): string {
    return quoted(`${this.plain[table].split('.').at(-1) ?? ''}_${suffix}`);
  }

  in(text: string): string {
    return text.replaceAll('~outbox', this.outbox).replaceAll('~inbox', this.inbox);
  }
}

/** `db.sql`, with the tables' names in the place of `~outbox` and `~inbox`: a name is no parameter. */
export class NamedSql {
  readonly #db: DbProvider;
  readonly #names: TableNames;
  readonly #made = new WeakMap<TemplateStringsArray, TemplateStringsArray>();

  constructor(db: DbProvider, names: TableNames) {
    this.#db = db;
    this.#names = names;
  }

  run<T extends object>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<T[]> {
    return this.#db.sql<T>(this.#named(strings), ...values);
  }

  #named(strings: TemplateStringsArray): TemplateStringsArray {
    const present = this.#made.get(strings);
    if (present !== undefined) return present;
    const texts = strings.map((text) => this.#names.in(text));
    const made = Object.assign(texts, { raw: texts });
    this.#made.set(strings, made);
    return made;
  }
}

import type { IndexBody } from '../../es.types.js';
import type { AliasAction } from '../es-driver.js';
import { EsRefusal } from '../es-refusal.js';
import { MemoryIndex } from './memory-index.js';

const isPattern = (expression: string): boolean => expression.includes('*');

/** The indices of one memory driver and the names they have. */
export class MemoryIndices {
  readonly #indices = new Map<string, MemoryIndex>();

  get size(): number {
    return this.#indices.size;
  }

  get documents(): number {
    let sum = 0;
    for (const { size } of this.#indices.values()) sum += size;
    return sum;
  }

  create(name: string, body: IndexBody & { readonly hidden: boolean }): void {
    if (this.matching(name, 'all').length > 0)
      throw new EsRefusal(
        'ALREADY_EXISTS',
        `resource_already_exists_exception: index or alias [${name}] already exists`,
      );
    this.#indices.set(name, new MemoryIndex(name, body));
  }

  delete(names: readonly string[]): void {
    for (const name of names) if (!this.#indices.has(name)) throw missing(name);
    for (const name of names) this.#indices.delete(name);
  }

  clear(): void {
    this.#indices.clear();
  }

  /** By name, alias or pattern; `visible`: a pattern meets hidden indices by their aliases alone. */
  matching(expression: string, what: 'all' | 'visible'): MemoryIndex[] {
    const all = [...this.#indices.values()];
    if (!isPattern(expression))
      return all.filter(({ name, aliases }) => name === expression || aliases.has(expression));
    const begin = expression.slice(0, expression.indexOf('*'));
    return all.filter(({ name, aliases, hidden }) => {
      const byName = name.startsWith(begin) && (what === 'all' || !hidden);
      return byName || [...aliases].some((alias) => alias.startsWith(begin) && !isHiddenAlias(alias));
    });
  }

  /** NOT_FOUND when there is none. */
  existing(name: string): MemoryIndex[] {
    const found = this.matching(name, 'all');
    if (found.length === 0) throw missing(name);
    return found;
  }

  one(name: string): MemoryIndex {
    const [index, ...others] = this.existing(name);
    if (index === undefined || others.length > 0)
      throw new EsRefusal('INVALID_ARGUMENT', `alias [${name}] has more than one index associated with it`);
    return index;
  }

  /** Behind an alias, which is not made by writing. */
  behind(alias: string): MemoryIndex {
    const index = [...this.#indices.values()].find(({ aliases }) => aliases.has(alias));
    if (index === undefined) throw missing(alias);
    return index;
  }

  /** What is written to is made. */
  forWriting(name: string): MemoryIndex {
    if (this.matching(name, 'all').length === 0)
      this.#indices.set(name, new MemoryIndex(name, { hidden: false }));
    return this.one(name);
  }

  searched(expression: string): MemoryIndex[] {
    return isPattern(expression) ? this.matching(expression, 'visible') : this.existing(expression);
  }

  changeAliases(actions: readonly AliasAction[]): void {
    for (const action of actions) {
      const { index, alias } = 'add' in action ? action.add : action.remove;
      const known = this.#indices.get(index);
      if (known === undefined) throw missing(index);
      if ('remove' in action && !known.aliases.has(alias))
        throw new EsRefusal('ABORTED', `aliases_not_found_exception: aliases [${alias}] missing`);
      if ('add' in action && this.#indices.has(alias))
        throw new EsRefusal(
          'FAILED_PRECONDITION',
          `an index exists with the same name as the alias [${alias}]`,
        );
    }
    for (const action of actions) {
      if ('add' in action) this.#indices.get(action.add.index)?.aliases.add(action.add.alias);
      else this.#indices.get(action.remove.index)?.aliases.delete(action.remove.alias);
    }
  }
}

/** The private alias of an index that is being filled. */
function isHiddenAlias(alias: string): boolean {
  return alias.includes('.filling-');
}

function missing(name: string): EsRefusal {
  return new EsRefusal('NOT_FOUND', `index_not_found_exception: no such index [${name}]`);
}

import type { LogLevel } from './log-level.js';

/** Levels by namespace: the longest configured prefix wins, by whole segments (`user` covers `user.auth`, not `users`). */
export class LevelTable {
  #root: LogLevel;
  #own: Map<string, LogLevel>;

  constructor(root: LogLevel, own: Readonly<Record<string, LogLevel>> = {}) {
    this.#root = root;
    this.#own = new Map(Object.entries(own));
  }

  of(namespace: string): LogLevel {
    for (
      let prefix = namespace;
      prefix !== '';
      prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')))
    ) {
      const level = this.#own.get(prefix);
      if (level !== undefined) return level;
    }
    return this.#root;
  }

  set(level: LogLevel, namespace = ''): void {
    if (namespace === '') this.#root = level;
    else this.#own.set(namespace, level);
  }

  replace(root: LogLevel, own: Readonly<Record<string, LogLevel>>): void {
    this.#root = root;
    this.#own = new Map(Object.entries(own));
  }
}

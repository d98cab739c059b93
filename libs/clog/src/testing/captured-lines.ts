/** A line as it would be read back. */
export type CapturedLine = Readonly<Record<string, unknown>>;

/** Takes lines in memory instead of an output: `createClog(config, { sink: new CapturedLines() })`. */
export class CapturedLines {
  readonly #texts: string[] = [];

  write(text: string): void {
    this.#texts.push(text);
  }

  /** As they were written, newline included. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  get lines(): readonly CapturedLine[] {
    return this.#texts.map((text) => JSON.parse(text) as CapturedLine);
  }

  /** The newest line. */
  get last(): CapturedLine | undefined {
    return this.lines.at(-1);
  }

  withMessage(msg: string): readonly CapturedLine[] {
    return this.lines.filter((line) => line['msg'] === msg);
  }

  clear(): void {
    this.#texts.length = 0;
  }
}

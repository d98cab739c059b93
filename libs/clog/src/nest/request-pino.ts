import { PinoLogger } from 'nestjs-pino';
import type { Logger as PinoInstance } from 'pino';
import type { ClogProvider } from '../clog.provider.js';
import { DefaultClogProvider } from '../default-clog.provider.js';
import { ownerOf } from '../line/owner.js';

/**
 * nestjs-pino's logger for one application. The library keeps one root logger a process; this one asks it for the request's
 * logger alone and falls back on its own application's, so that two applications never write into each other's output.
 */
export class RequestPino extends PinoLogger {
  readonly #own: ClogProvider;

  constructor(own: ClogProvider) {
    super({ renameContext: 'namespace', useExisting: true });
    this.#own = own;
  }

  override get logger(): PinoInstance {
    const current = super.logger;
    return ownerOf(current) === undefined ? this.#own.native : current;
  }

  /** The clog of the application whose request is being handled, else one's own. */
  get clog(): ClogProvider {
    return ownerOf(super.logger) ?? this.#own;
  }

  /** As nestjs-pino's: adds to the lines of this request; redacted, which pino's bindings are not. */
  override assign(fields: object): void {
    const { clog } = this;
    super.assign(clog instanceof DefaultClogProvider ? clog.redacted(fields) : fields);
  }
}

import type { LoggerService } from '@nestjs/common';
import type { LogMethod } from '@infra-kit/kernel';
import { NativeLogger } from 'nestjs-pino';
import type { ClogProvider } from '../clog.provider.js';
import { isError } from '../line/is-error.js';
import { RequestPino } from './request-pino.js';

const CONTEXT = 'clog:context';

/** What nestjs-pino makes of Nest's arguments, written through clog: the context is the namespace, a stack is the error's. */
class NestLines extends RequestPino {
  protected override call(method: LogMethod, ...[given, message]: readonly unknown[]): void {
    const { [CONTEXT]: context, stack, ...fields } = Object(given) as Record<string, unknown>;
    const named = typeof context === 'string' ? this.clog.root.namespace(context) : this.clog.root;
    const err = typeof stack === 'string' && fields['err'] === undefined ? { message, stack } : undefined;
    named[method](message as string, err === undefined ? fields : { ...fields, err });
  }
}

/** An error among Nest's arguments becomes a field: nestjs-pino's adapter would print its stack as the message. */
function withErrorsAsFields(args: readonly unknown[]): [unknown, ...unknown[]] {
  const [message, ...rest] = args.map((arg, index) => (index > 0 && isError(arg) ? { err: arg } : arg));
  return isError(message) ? [message.message, { err: message }, ...rest] : [message, ...rest];
}

/** nestjs-pino's adapter for Nest's logger, over clog. */
export class NestLinesAdapter extends NativeLogger implements LoggerService {
  constructor(clog: ClogProvider) {
    super(new NestLines(clog), {
      renameContext: CONTEXT,
      nativeLogger: { structuredParams: true, flattenParams: true },
    });
  }

  override verbose(...args: readonly unknown[]): void {
    super.verbose(...withErrorsAsFields(args));
  }
  override debug(...args: readonly unknown[]): void {
    super.debug(...withErrorsAsFields(args));
  }
  override log(...args: readonly unknown[]): void {
    super.log(...withErrorsAsFields(args));
  }
  override warn(...args: readonly unknown[]): void {
    super.warn(...withErrorsAsFields(args));
  }
  override error(...args: readonly unknown[]): void {
    super.error(...withErrorsAsFields(args));
  }
  override fatal(...args: readonly unknown[]): void {
    super.fatal(...withErrorsAsFields(args));
  }
}

import type { CallHandler, ExecutionContext } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { defer, from, lastValueFrom, mergeMap, toArray, type Observable } from 'rxjs';
import { DefaultOnceProvider } from '../default-once.provider.js';
import { invalidArgument, oncePlace } from '../once.errors.js';
import type { OnceProvider } from '../once.provider.js';
import { isStream } from '../values/kept-result.js';
import { isReplayed } from '../values/replayed-error.js';
import { bodyOf, HttpAnswer, ServerFailure, type Answer } from './http-answer.js';
import { callerOf, headerKey, payloadOf, scopeOf, withCaller } from './http-request.js';
import { callOptions, type IdempotentOptions, type Instances } from './uses.js';

export interface EdgeParts {
  readonly provider: OnceProvider;
  readonly host: HttpAdapterHost | undefined;
  readonly instanceOf: Instances;
}

const DEFAULT_HEADER = 'Idempotency-Key';
const LONGEST_HEADER_KEY = 255;

/** Runs a handler under its key. What it gives comes as JSON gives it, first and replayed alike. */
export function atEdge(
  parts: EdgeParts,
  use: IdempotentOptions,
  context: ExecutionContext,
  next: CallHandler,
): Observable<unknown> {
  const kind: string = context.getType();
  const { host } = parts;
  return kind === 'http' && host !== undefined
    ? defer(() => from(overHttp({ ...parts, host }, use, context, next)))
    : defer(() => from(elsewhere(parts, use, context, next))).pipe(mergeMap((values) => from(values)));
}

async function elsewhere(
  { provider, instanceOf }: EdgeParts,
  use: IdempotentOptions,
  context: ExecutionContext,
  next: CallHandler,
): Promise<unknown[]> {
  const self = instanceOf(context);
  const where = `${context.getClass().name}.${context.getHandler().name}`;
  const { value } = await provider.execute(
    textOf(use.key, self, context) ?? '',
    () => lastValueFrom(next.handle().pipe(toArray())),
    {
      ...callOptions(use),
      scope: withCaller(where, textOf(use.scope, self, context) ?? ''),
      fingerprint:
        typeof use.fingerprint === 'function' ? Reflect.apply(use.fingerprint, self, [context]) : undefined,
    },
  );
  return value;
}

async function overHttp(
  { provider, host, instanceOf }: EdgeParts & { readonly host: HttpAdapterHost },
  use: IdempotentOptions,
  context: ExecutionContext,
  next: CallHandler,
): Promise<unknown> {
  const request: unknown = context.getArgByIndex(0);
  const self = instanceOf(context);
  const key = use.key === undefined ? keyOf(provider, use, request) : textOf(use.key, self, context);
  const handled = (): Promise<unknown> => lastValueFrom(next.handle(), { defaultValue: undefined });
  if (key === undefined && use.required === false) return handled();

  const answer = new HttpAnswer(context.getArgByIndex(1), host, use.replayHeaders);
  const run = async (): Promise<unknown> => {
    const body = await handled();
    if (answer.failed) throw new ServerFailure(body);
    return isStream(body) ? body : answer.taken(body);
  };
  try {
    const { value, replayed } = await provider.execute(key ?? '', run, {
      ...callOptions(use),
      scope: scopeOf(context, textOf(use.scope, self, context) ?? callerOf(request)),
      fingerprint: fingerprintOf(use, self, context),
    });
    if (isStream(value)) return value;
    const kept = value as Answer; // what `run` has made
    if (replayed) answer.replay(kept);
    return bodyOf(kept);
  } catch (error) {
    answer.leave();
    if (error instanceof ServerFailure) return error.body;
    if (isReplayed(error)) answer.markReplayed();
    throw error;
  }
}

function textOf(
  make: IdempotentOptions['key'],
  self: unknown,
  context: ExecutionContext,
): string | undefined {
  return make && (Reflect.apply(make, self, [context]) as string);
}

function fingerprintOf(
  { fingerprint }: IdempotentOptions,
  self: unknown,
  context: ExecutionContext,
): unknown {
  if (typeof fingerprint === 'function') return Reflect.apply(fingerprint, self, [context]);
  return fingerprint === 'none' ? undefined : payloadOf(context.getArgByIndex(0));
}

/** The request's key; undefined where it needs none. INVALID_ARGUMENT for a missing or malformed one. */
function keyOf(
  provider: OnceProvider,
  { header = DEFAULT_HEADER, required = true, store }: IdempotentOptions,
  request: unknown,
): string | undefined {
  const place = oncePlace(provider.name);
  const known = provider instanceof DefaultOnceProvider ? provider : undefined;
  const refuse = (what: string): Error => {
    known?.countBadKey(store);
    return invalidArgument(place, what);
  };
  const most = Math.min(LONGEST_HEADER_KEY, known?.maxKeyLength ?? LONGEST_HEADER_KEY);
  let key: string | undefined;
  try {
    key = headerKey(request, header, most);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  if (key === undefined && required)
    throw refuse(
      `header ${header} is missing; send a new unique key with each new request, and the same with its retries`,
    );
  return key;
}

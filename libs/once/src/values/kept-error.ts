import { HttpException } from '@nestjs/common';
import { InfraError, isInfraError, messageOf, type InfraErrorCode } from '@infra-kit/kernel';

/** An error as it is kept: enough to throw the same again. */
interface KeptError {
  readonly kind: 'infra' | 'http' | 'error';
  readonly name: string;
  readonly message: string;
  /** Own members that JSON can write. */
  readonly members: Record<string, unknown>;
  readonly status?: number;
  readonly response?: string | object;
}

const SKIPPED: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause']);

/** As JSON gives it back; undefined for what JSON cannot write, and what throws when it is looked at. */
function asJson(read: () => unknown): unknown {
  try {
    const text = JSON.stringify(read()) as string | undefined;
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined; // no part of what is replayed
  }
}

function membersOf(error: object): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const name of Object.keys(error)) {
    const value = SKIPPED.has(name) ? undefined : asJson(() => Reflect.get(error, name));
    if (value !== undefined) members[name] = value;
  }
  return members;
}

export function errorText(error: unknown): string {
  const name = error instanceof Error ? error.name : 'Error';
  const base = { name, message: messageOf(error), members: membersOf(Object(error) as object) };
  if (error instanceof HttpException)
    return JSON.stringify({
      ...base,
      kind: 'http',
      status: error.getStatus(),
      response: asJson(() => error.getResponse()) as string | object,
    } satisfies KeptError);
  return JSON.stringify({ ...base, kind: isInfraError(error) ? 'infra' : 'error' } satisfies KeptError);
}

function remade({ kind, message, members, response, status }: KeptError): Error {
  if (kind === 'http') return new HttpException(response ?? message, status ?? 500);
  if (kind === 'infra') return new InfraError(members['code'] as InfraErrorCode, message);
  return new Error(message);
}

/** The error again: kind, name, message and members, with a stack of now. */
export function errorFrom(text: string): Error {
  const kept = JSON.parse(text) as KeptError;
  const error = remade(kept);
  if (error.name !== kept.name)
    Object.defineProperty(error, 'name', { value: kept.name, configurable: true, writable: true });
  return Object.assign(error, kept.members);
}

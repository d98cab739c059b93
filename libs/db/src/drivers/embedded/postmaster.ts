import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a running server has written about itself. */
export interface Postmaster {
  readonly pid: number;
  /** A socket's folder, or an IP address. */
  readonly host: string;
  readonly port: number;
  readonly ready: boolean;
}

/** Reads `postmaster.pid` of a data folder; undefined when no server runs on it. */
export async function readPostmaster(data: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const [pidLine, , , port, socketFolder, listen, , status] = text.split('\n').map((line) => line.trim());
  const pid = Number(pidLine);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  const host = socketFolder || listen || '127.0.0.1';
  return { pid, host, port: Number(port), ready: status === 'ready' };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return Reflect.get(Object(error), 'code') === 'EPERM';
  }
}

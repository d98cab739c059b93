import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@infra-kit/kernel/testing';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly connection: string | undefined;
}

interface Service {
  readonly child: ChildProcess;
  readonly url: string;
  readonly logFile: string;
  readonly exit: Promise<number | null>;
  readonly stderr: () => string;
}

const folders: string[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function start(options: object): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'infra-kit-shutdown-'));
  folders.push(folder);
  const logFile = join(folder, 'service.log');
  const fixture = join(import.meta.dirname, 'fixtures/slow-service.mjs');
  const { NODE_OPTIONS: _unset, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [fixture, JSON.stringify({ logFile, shutdown: { readinessDelayMs: 300 }, ...options })],
    { env },
  );
  children.push(child);
  let output = '';
  let errors = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  child.stderr?.on('data', (chunk) => (errors += String(chunk)));
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const port = await eventually(
    () => /port (\d+)/.exec(output)?.[1] ?? fail(`no port yet: ${output}${errors}`),
    { withinMs: 20_000 },
  );
  return { child, url: `http://127.0.0.1:${port}`, logFile, exit, stderr: () => errors };
}

function fail(message: string): never {
  throw new Error(message);
}

/** One request on a connection of its own: nothing but the server's shutdown can end it. */
function ask(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpGet(url, { agent: false, headers: { connection: 'keep-alive' } }, (response) => {
      const { socket } = response;
      let body = '';
      response.on('data', (chunk) => (body += String(chunk)));
      response.on('error', reject);
      response.on('end', () => {
        socket.destroy();
        resolve({ status: response.statusCode ?? 0, body, connection: response.headers.connection });
      });
    }).on('error', reject);
  });
}

const lines = (file: string): string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

interface Traffic {
  readonly answered: Set<string>;
  readonly stop: () => Promise<void>;
}

/** Eight callers that ask again and again until told to stop; refused and failed calls end a caller. */
function traffic(url: string): Traffic {
  const answered = new Set<string>();
  let going = true;
  const caller = async (name: number): Promise<void> => {
    for (let n = 0; going; n++) {
      const id = `${name}-${n}`;
      const answer = await ask(`${url}/slow/${id}`).catch(() => undefined);
      if (answer === undefined) return;
      if (answer.status === 200 && answer.body === id) answered.add(id);
    }
  };
  const callers = Array.from({ length: 8 }, (_unused, name) => caller(name));
  return {
    answered,
    stop: async () => {
      going = false;
      await Promise.all(callers);
    },
  };
}

async function terminatedUnderLoad(
  options: object,
): Promise<{ begun: string[]; answered: Set<string>; logged: string[]; code: number | null }> {
  const service = await start(options);
  const load = traffic(service.url);
  await eventually(() => (load.answered.size > 20 ? true : fail('not enough answers yet')), {
    withinMs: 20_000,
  });
  service.child.kill('SIGTERM');
  const code = await service.exit;
  await load.stop();
  const begun = lines(`${service.logFile}.begun`).filter((line) => line !== 'hook');
  const logged = lines(service.logFile).flatMap((line) => {
    const entry = JSON.parse(line) as { msg: string; request?: string };
    return entry.msg === 'answered' && entry.request !== undefined ? [entry.request] : [];
  });
  return { begun, answered: load.answered, logged, code };
}

describe('a service that gets SIGTERM under load', () => {
  it('answers every request that had begun, loses no log line, and exits with 0', async () => {
    const { begun, answered, logged, code } = await terminatedUnderLoad({});
    expect(begun.filter((id) => !answered.has(id))).toEqual([]);
    expect([...answered].filter((id) => !logged.includes(id))).toEqual([]);
    expect(code).toBe(0);
  });

  it('cuts requests off without shutdown hooks (the control)', async () => {
    const { begun, answered } = await terminatedUnderLoad({ hooks: false });
    expect(begun.filter((id) => !answered.has(id)).length).toBeGreaterThan(0);
  });
});

describe('a shutdown', () => {
  it('turns readiness to 503 at once while requests are still served, each with Connection: close', async () => {
    const service = await start({ shutdown: { readinessDelayMs: 2000 } });
    expect((await ask(`${service.url}/health/ready`)).status).toBe(200);
    const before = ask(`${service.url}/slow/before`);
    await eventually(() => (lines(`${service.logFile}.begun`).includes('before') ? true : fail('not begun')));
    service.child.kill('SIGTERM');
    await eventually(async () => expect((await ask(`${service.url}/health/ready`)).status).toBe(503));
    const during = await ask(`${service.url}/slow/during`);
    expect(during).toEqual({ status: 200, body: 'during', connection: 'close' });
    expect((await before).connection).toBe('close');
    expect((await ask(`${service.url}/health/live`)).status).toBe(200);
    // the application's own hooks have not run yet: its requests come first
    expect(lines(`${service.logFile}.begun`)).not.toContain('hook');
    expect(await service.exit).toBe(0);
    expect(lines(`${service.logFile}.begun`)).toContain('hook');
  });

  it.each([
    ['that was never used', ''],
    ['with half a request line', 'GET /slow'],
  ])('is not held up by a connection %s', async (_what, bytes) => {
    const service = await start({ shutdown: { readinessDelayMs: 0, drainMs: 60_000 } });
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(bytes);
    expect((await ask(`${service.url}/slow/x`)).status).toBe(200);
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    socket.destroy();
  });

  it('cuts a request that does not end after drainMs, runs the hooks, and exits with 1', async () => {
    const service = await start({ shutdown: { readinessDelayMs: 0, drainMs: 100, hardLimitMs: 60_000 } });
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      'POST /slow/stuck HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    );
    expect((await ask(`${service.url}/slow/x`)).status).toBe(200);
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(lines(`${service.logFile}.begun`)).toContain('hook');
    socket.destroy();
  });

  it('exits with 1 when a resource did not close', async () => {
    const service = await start({ closer: 'fails', shutdown: { readinessDelayMs: 0 } });
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(1);
  });

  it('exits with 1 at its hard limit when a hook of the application hangs', async () => {
    const service = await start({
      closer: 'hook-hangs',
      shutdown: { readinessDelayMs: 0, hardLimitMs: 500 },
    });
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(readFileSync(service.logFile, 'utf8')).toContain('hard limit');
  });
});

// A line of five fields with context and redaction; each subject writes, synchronously, to a file of its own.
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createClog } from '@infra-kit/clog';
import { InfraContext } from '@infra-kit/kernel';
import { type Comparison, compare } from '@infra-kit/testkit/bench';
import { ConsoleLogger } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { pino } from 'pino';
import winston from 'winston';

const folder = mkdtempSync(join(tmpdir(), 'clog-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const file = (): string => join(folder, `${files++}.log`);

const BASE = { service: 'service', env: 'production', instance: 'host-1' };
const FLAT = { orderId: 'o-1842', userId: 17, amount: 12.5, paid: true, currency: 'EUR' };
const NESTED = {
  orderId: 'o-1842',
  userId: 17,
  user: { name: 'Ada', token: 'abc', roles: ['admin'] },
  amount: 12.5,
  paid: true,
};

/** pino's paths for the keys that clog hides by default, to a depth. */
function redactPaths(depth: number): string[] {
  const keys = ['authorization', 'cookie', '["set-cookie"]', 'password', 'token', 'secret', 'apiKey'];
  return keys.flatMap((key) =>
    Array.from({ length: depth }, (_, stars) => `${'*.'.repeat(stars)}${key}`.replace('.[', '[')),
  );
}

function traceOf(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined
    ? { trace_id: InfraContext.traceId() }
    : { trace_id: span.traceId, span_id: span.spanId };
}

function rawPino(redact: string[]): pino.Logger {
  const options: pino.LoggerOptions = {
    base: BASE,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: traceOf,
    ...(redact.length > 0 && { redact }),
  };
  return pino(options, pino.destination({ dest: file(), sync: true })).child({ namespace: 'order' });
}

function winstonLogger(): winston.Logger {
  const fd = openSync(file(), 'a');
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      writeSync(fd, chunk);
      done();
    },
  });
  const context = winston.format((info) => Object.assign(info, traceOf()));
  return winston.createLogger({
    defaultMeta: { ...BASE, namespace: 'order' },
    format: winston.format.combine(context(), winston.format.timestamp(), winston.format.json()),
    transports: [new winston.transports.Stream({ stream })],
  });
}

/** Nest's own, whose stdout is a file for the time of the run. */
function nestConsole(): (fields: object) => void {
  const fd = openSync(file(), 'a');
  const logger = new ConsoleLogger('order', { json: true });
  const write = process.stdout.write.bind(process.stdout);
  return (fields) => {
    process.stdout.write = (text: string | Uint8Array) => writeSync(fd, String(text)) > 0;
    logger.log('order accepted', { ...BASE, ...traceOf(), ...fields });
    process.stdout.write = write;
  };
}

const clog = await createClog({ output: file(), rotation: { maxSizeMb: 4096 } }, { env: 'production' });
const order = clog.logger('order');
const plain = rawPino([]);
const firstLevel = rawPino(redactPaths(1));
const everyLevel = rawPino(redactPaths(5));
const winstonOrder = winstonLogger();
const nestOrder = nestConsole();

/** Twenty lines of one context, as of a request. */
const lines = (write: () => void) => (): void => {
  InfraContext.run({ traceId: '0af7651916cd43dd8448eb211c80319c' }, () => {
    for (let line = 0; line < 20; line++) write();
  });
};

for (const [kind, fields] of [
  ['flat', FLAT],
  ['one nested, with a secret', NESTED],
] as const) {
  const own = { name: 'clog', run: lines(() => order.info('order accepted', fields)) };
  const against = (what: string, logger: pino.Logger): Pick<Comparison, 'title' | 'baseline'> => ({
    title: `lines of five fields (${kind}) in a context, against pino with mixin and ${what}`,
    baseline: { name: 'pino', run: lines(() => logger.info(fields, 'order accepted')) },
  });
  await compare({ ...against('redaction to depth 5', everyLevel), subjects: [{ ...own, goal: '<= 1.0' }] });
  await compare({
    ...against('redaction of the first level', firstLevel),
    subjects: [{ ...own, goal: '<= 1.0' }],
  });
  await compare({ ...against('no redaction', plain), subjects: [{ ...own, goal: '<= 1.5' }] });
  await compare({
    title: `the same lines (${kind}), beside others without redaction`,
    baseline: own,
    subjects: [
      { name: 'winston', run: lines(() => winstonOrder.info('order accepted', { ...fields })) },
      { name: "Nest's ConsoleLogger, JSON", run: lines(() => nestOrder(fields)) },
    ],
  });
}

const user = clog.logger('user');
clog.setLevel('error', 'user');
await compare({
  title: 'a call below the level',
  baseline: { name: 'pino', run: () => plain.debug(FLAT, 'unseen') },
  subjects: [{ name: 'clog', run: () => user.debug('unseen', FLAT) }],
});

const sourced = await createClog(
  { output: file(), addSource: true, rotation: { maxSizeMb: 4096 } },
  { env: 'production' },
);
await compare({
  title: 'the caller’s file and line (addSource)',
  baseline: { name: 'without', run: lines(() => order.info('order accepted', FLAT)) },
  subjects: [{ name: 'with', run: lines(() => sourced.root.info('order accepted', FLAT)) }],
});
await sourced.close();
await clog.close();

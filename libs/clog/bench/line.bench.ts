// A line of five fields with context and redaction, each subject writing to a file of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClog } from '@infra-kit/clog';
import { InfraContext } from '@infra-kit/kernel';
import { compare } from '@infra-kit/testkit/bench';
import { ConsoleLogger } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { pino } from 'pino';
import winston from 'winston';

const folder = mkdtempSync(join(tmpdir(), 'clog-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const KEYS = ['authorization', 'cookie', '["set-cookie"]', 'password', 'token', 'secret', 'apiKey'];
const deepPaths = KEYS.flatMap((key) =>
  [0, 1, 2, 3, 4].map((depth) => {
    const stars = Array.from({ length: depth }, () => '*').join('.');
    return key.startsWith('[') || stars === '' ? `${stars}${key}` : `${stars}.${key}`;
  }),
);

const mixin = (): object => {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined
    ? { trace_id: InfraContext.traceId() }
    : { trace_id: span.traceId, span_id: span.spanId };
};

let files = 0;
const file = (): string => join(folder, `${files++}.log`);

/** Raw pino with the same fields on each line, to a synchronous file. */
function rawPino(redact: string[]): pino.Logger {
  const options: pino.LoggerOptions = {
    base: { service: 'service', env: 'production', instance: 'host-1' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin,
    ...(redact.length > 0 && { redact }),
  };
  return pino(options, pino.destination({ dest: file(), sync: true })).child({ namespace: 'order' });
}

const clog = await createClog(
  { output: file(), rotation: { maxSizeMb: 512 } },
  {
    env: 'production',
  },
);
const order = clog.logger('order');
const withoutRedaction = rawPino([]);
const topLevel = rawPino(KEYS);
const everyDepth = rawPino(deepPaths);

const flat = { orderId: 'o-1842', userId: 17, amount: 12.5, paid: true, currency: 'EUR' };
const nested = {
  orderId: 'o-1842',
  userId: 17,
  user: { name: 'Ada', token: 'abc', roles: ['admin'] },
  amount: 12.5,
  paid: true,
};

function within(run: () => void): () => void {
  return () => void InfraContext.run({ traceId: '0af7651916cd43dd8448eb211c80319c' }, run);
}

/** One context for many lines, as in a request. */
function lines(write: () => void): () => void {
  return within(() => {
    for (let line = 0; line < 20; line++) write();
  });
}

for (const [kind, fields] of [
  ['flat', flat],
  ['nested, one secret', nested],
] as const) {
  await compare({
    title: `20 lines of five fields (${kind}) in a context, against pino with mixin and redaction to depth 5`,
    baseline: {
      name: 'pino, redact to depth 5',
      run: lines(() => everyDepth.info(fields, 'order accepted')),
    },
    subjects: [{ name: 'clog', goal: '<= 1.0', run: lines(() => order.info('order accepted', fields)) }],
  });
  await compare({
    title: `the same (${kind}), against pino with mixin and the seven keys of the first level`,
    baseline: { name: 'pino, redact first level', run: lines(() => topLevel.info(fields, 'order accepted')) },
    subjects: [{ name: 'clog', goal: '<= 1.0', run: lines(() => order.info('order accepted', fields)) }],
  });
  await compare({
    title: `the same (${kind}), against pino with mixin and no redaction`,
    baseline: {
      name: 'pino, no redaction',
      run: lines(() => withoutRedaction.info(fields, 'order accepted')),
    },
    subjects: [{ name: 'clog', goal: '<= 1.5', run: lines(() => order.info('order accepted', fields)) }],
  });
}
process.exit(0);

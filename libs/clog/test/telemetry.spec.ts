import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { metrics, type Attributes, type MeterProvider } from '@opentelemetry/api';
import {
  CLOG_INSTANCE_LABEL,
  CLOG_LINES_CUT,
  CLOG_LINES_DIVERTED,
  CLOG_LINES_SUPPRESSED,
  CLOG_ROTATIONS,
  CLOG_SCOPE,
  createClog,
} from '@infra-kit/clog';
import { capturedClog } from './clogs.js';

interface Added {
  readonly scope: string;
  readonly name: string;
  readonly value: number;
  readonly labels: Attributes | undefined;
}

/** Notes what is added to counters; clog uses no other instrument. */
function counting(): { provider: MeterProvider; added: Added[] } {
  const added: Added[] = [];
  const meter = (scope: string): object => ({
    createCounter: (name: string) => ({
      add: (value: number, labels?: Attributes) => void added.push({ scope, name, value, labels }),
    }),
  });
  return { provider: { getMeter: meter } as unknown as MeterProvider, added };
}

let added: Added[];
beforeEach(() => {
  const counters = counting();
  added = counters.added;
  metrics.disable();
  metrics.setGlobalMeterProvider(counters.provider);
});
afterEach(() => metrics.disable());

const totals = (name: string): number =>
  added.filter((entry) => entry.name === name).reduce((sum, { value }) => sum + value, 0);

describe('metrics', () => {
  it('count lines of which something was cut', async () => {
    await using app = await capturedClog();
    app.clog.root.info('whole', { a: 'b' });
    app.clog.root.info('cut', { long: 'x'.repeat(100_000) });
    app.clog.root.info('y'.repeat(100_000));
    expect(totals(CLOG_LINES_CUT)).toBe(2);
  });

  it('count lines left out, labelled by the instance alone', async () => {
    await using app = await capturedClog({ burst: { perSecond: 1, first: 1 } }, { name: 'audit' });
    for (let line = 0; line < 5; line++) app.clog.root.info('same');
    expect(totals(CLOG_LINES_SUPPRESSED)).toBe(4);
    for (const { scope, labels } of added) {
      expect(scope).toBe(CLOG_SCOPE);
      expect(labels).toEqual({ [CLOG_INSTANCE_LABEL]: 'audit' });
    }
  });

  it('count lines that went to stderr instead', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clog-metrics-'));
    const clog = await createClog({ output: join(folder, 'app.log') }, { env: 'test' });
    await clog.close();
    clog.root.info('one line on stderr is expected here');
    rmSync(folder, { recursive: true });
    expect(totals(CLOG_LINES_DIVERTED)).toBe(1);
  });

  it('count files set aside', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clog-metrics-'));
    try {
      const output = join(folder, 'app.log');
      writeFileSync(output, `${'x'.repeat(2000)}\n`);
      await using clog = await createClog({ output, rotation: rotation(0.001) }, { env: 'test' });
      clog.root.info('over the edge');
      expect(totals(CLOG_ROTATIONS)).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const rotation = (maxSizeMb: number) => ({ maxSizeMb, maxBackups: 5, maxAgeDays: 30, compress: false });

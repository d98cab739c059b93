import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);

async function output(name: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [fixture(name)], { timeout: 60_000 });
  return stdout;
}

describe('the package', () => {
  it('loads the SDK when telemetry is made, and never before', async () => {
    expect(JSON.parse(await output('what-is-loaded.mjs'))).toEqual({
      atImport: ['@opentelemetry/api'],
      made: true,
    });
  }, 60_000);

  it("runs the README's example, which is this very file, and ends by itself", async () => {
    const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
    expect(readme).toContain(readFileSync(fixture('readme-example.ts'), 'utf8').trim());
    const page = await output('readme-example.ts');
    expect(page).toContain('orders_placed_total{region="eu",stock="in stock"} 1');
    expect(page).toContain('order_total_bucket{le="100"} 1');
  }, 60_000);
});

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What tools/testbed-install.sh fetched, and templates made from it: outside the repository, kept over runs. */
export function testbedHome(): string {
  const given = process.env.INFRA_TESTBED_HOME;
  return given === undefined || given === '' ? join(homedir(), '.cache', 'infra-kit-testbed') : given;
}

/** What is installed under this name, with versions, as its stamp says; undefined when it is not there or not whole. */
export function installed(name: string): { readonly folder: string; readonly stamp: string } | undefined {
  try {
    const stamp = readFileSync(join(testbedHome(), `${name}.stamp`), 'utf8').trim();
    // as tools/testbed-install.sh names it
    const folder = join(testbedHome(), stamp.replaceAll(/[^A-Za-z0-9.]+/g, '-'));
    return existsSync(folder) ? { folder, stamp } : undefined;
  } catch {
    return undefined;
  }
}

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findJava } from '../src/testbed/java.js';
import { template } from '../src/testbed/template.js';
import { installed, testbedHome } from '../src/testbed/testbed-home.js';

let folder: string;
const before = { ...process.env };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'infra-kit-testbed-'));
  process.env.INFRA_TESTBED_HOME = folder;
});
afterEach(() => {
  process.env = { ...before };
  rmSync(folder, { recursive: true, force: true });
});

describe('the testbed', () => {
  it('lies where INFRA_TESTBED_HOME says, else in the cache of the user', () => {
    expect(testbedHome()).toBe(folder);
    process.env.INFRA_TESTBED_HOME = '';
    expect(testbedHome()).toMatch(/[/\\]\.cache[/\\]infra-kit-testbed$/);
  });

  it('holds what has a stamp, and nothing that was not finished', () => {
    const whole = join(folder, 'kafka-2.13-4.3.1-slf4j-1.7');
    mkdirSync(whole);
    expect(installed('kafka')).toBeUndefined();
    writeFileSync(join(folder, 'kafka.stamp'), 'kafka_2.13 4.3.1, slf4j 1.7\n');
    expect(installed('kafka')).toEqual({ folder: whole, stamp: 'kafka_2.13 4.3.1, slf4j 1.7' });
    rmSync(whole, { recursive: true });
    expect(installed('kafka')).toBeUndefined();
  });
});

describe('a template', () => {
  const writes = (text: string) => async (path: string) => writeFileSync(path, text);
  const contents = (path: string): string => readFileSync(path, 'utf8');

  it('is made once, and again when something that it depends on has changed', async () => {
    expect(contents(await template('t', ['1'], writes('first')))).toBe('first');
    expect(contents(await template('t', ['1'], writes('second')))).toBe('first');
    expect(contents(await template('t', ['2'], writes('third')))).toBe('third');
  });

  it('is made whole or not at all', async () => {
    const broken = template('t', ['1'], async (path) => {
      writeFileSync(path, 'half');
      throw new Error('disk full');
    });
    await expect(broken).rejects.toThrow('disk full');
    expect(readdirSync(join(folder, 'templates'))).toEqual([]);
  });

  it('is the same for all that make it beside each other', async () => {
    const build = (text: string) => async (path: string) => {
      mkdirSync(path);
      writeFileSync(join(path, 'file'), text);
    };
    const paths = await Promise.all(['a', 'b', 'c'].map((text) => template('t', ['1'], build(text))));
    expect(new Set(paths).size).toBe(1);
    expect(readdirSync(join(folder, 'templates'))).toHaveLength(1);
  });
});

describe('a Java', () => {
  function java(name: string, release: string): string {
    const home = join(folder, name);
    mkdirSync(join(home, 'bin'), { recursive: true });
    writeFileSync(join(home, 'bin', 'java'), '');
    chmodSync(join(home, 'bin', 'java'), 0o755);
    writeFileSync(join(home, 'release'), release);
    return home;
  }

  it('is found by JAVA_HOME, with the version that its release file names', () => {
    const home = java('new', 'IMPLEMENTOR="Somebody"\nJAVA_VERSION="99.0.1"\n');
    process.env.JAVA_HOME = home;
    expect(findJava(21)).toEqual({ major: 99, version: '99.0.1', home });
  });

  it('is found by ES_JAVA_HOME when that is the newer one', () => {
    process.env.JAVA_HOME = java('old', 'JAVA_VERSION="98"\n');
    process.env.ES_JAVA_HOME = java('new', 'JAVA_VERSION="99"\n');
    expect(findJava(21)?.home).toBe(process.env.ES_JAVA_HOME);
  });

  it('is none when all are too old', () => {
    process.env.JAVA_HOME = java('old', 'JAVA_VERSION="1.8.0_402"\n');
    expect(findJava(1_000)).toBeUndefined();
  });
});

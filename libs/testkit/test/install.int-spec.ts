import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinary } from '../src/servers/find-binary.js';
import { ROOT } from './npm-test.js';

/** What the script is written with; everything else, as apt-get and mvn, is there only where a test puts it. */
const TOOLS = [
  'awk',
  'bash',
  'cat',
  'cp',
  'dirname',
  'env',
  'find',
  'flock',
  'id',
  'install',
  'mkdir',
  'mktemp',
  'mv',
  'readlink',
  'rm',
  'sed',
  'touch',
  'tr',
];

describe('tools/testbed-install.sh', () => {
  let folder: string;
  let home: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'infra-kit-install-'));
    home = join(folder, 'home');
    mkdirSync(join(folder, 'bin'));
    for (const tool of TOOLS) {
      const found = findBinary(tool, []);
      if (found !== undefined) symlinkSync(found, join(folder, 'bin', tool));
    }
    executable('java/bin/java', '');
    writeFileSync(join(folder, 'java', 'release'), 'JAVA_VERSION="99.0.1"\n');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function executable(path: string, body: string): void {
    const file = join(folder, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, `#!/usr/bin/env bash\n${body}\n`);
    chmodSync(file, 0o755);
  }

  function install(...names: readonly string[]): { readonly code: number | null; readonly said: string } {
    const { status, stdout, stderr } = spawnSync('bash', [join(ROOT, 'tools/testbed-install.sh'), ...names], {
      encoding: 'utf8',
      env: {
        PATH: join(folder, 'bin'),
        HOME: folder,
        INFRA_TESTBED_HOME: home,
        JAVA_HOME: join(folder, 'java'),
      },
    });
    return { code: status, said: stdout + stderr };
  }

  /** A Maven that counts its calls, and brings a file to the folder it was told. */
  function maven(exitCode = 0): void {
    executable(
      'bin/mvn',
      `echo called; echo call >>"${folder}/calls"
for argument in "$@"; do
  case $argument in -DoutputDirectory=*) mkdir -p "\${argument#*=}" && echo jar >"\${argument#*=}/kafka.jar" ;; esac
done
exit ${exitCode}`,
    );
  }

  it('refuses a server nobody knows, and names those that are', () => {
    const { code, said } = install('mongo');
    expect(said).toContain("no server called 'mongo'; there are redis etcd postgres kafka elasticsearch");
    expect(code).toBe(1);
  });

  it('refuses in a sentence what is missing where there is no apt-get', () => {
    const { code, said } = install('redis', 'etcd');
    expect(said).toContain('redis-server etcd-server are missing and there is no apt-get here');
    expect(code).toBe(1);
  });

  it('says what it installs before it does, and does nothing the second time', () => {
    maven();
    const first = install('kafka');
    expect(first.said).toMatch(
      /^testbed: installing Kafka [\d.]+ by Maven into .*\ncalled\ntestbed: there: kafka\n$/,
    );
    expect(install('kafka')).toEqual({ code: 0, said: 'testbed: there: kafka\n' });
    expect(readFileSync(join(folder, 'calls'), 'utf8')).toBe('call\n');
    expect(readdirSync(home).toSorted()).toEqual([
      'install.lock',
      expect.stringMatching(/^kafka-2\.13-[\d.]+-slf4j-simple-[\d.]+$/),
      'kafka.stamp',
    ]);
  });

  it('refuses in a sentence what Maven cannot bring, leaves nothing half, and tries again', () => {
    maven(1);
    const { code, said } = install('kafka');
    expect(said).toContain('Maven could not bring Kafka');
    expect(code).toBe(1);
    expect(readdirSync(home)).toEqual(['install.lock']);
    maven();
    expect(install('kafka').code).toBe(0);
  });

  it('takes nothing away from a run on other versions', () => {
    mkdirSync(join(home, 'kafka-0.1'), { recursive: true });
    writeFileSync(join(home, 'kafka.stamp'), 'kafka 0.1\n');
    maven();
    expect(install('kafka').code).toBe(0);
    expect(readdirSync(home)).toContain('kafka-0.1');
    expect(readFileSync(join(home, 'kafka.stamp'), 'utf8')).toMatch(/^kafka_2\.13 /);
  });
});

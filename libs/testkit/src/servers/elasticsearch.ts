import { statSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findJava } from '../testbed/java.js';
import { linkTree } from '../testbed/template.js';
import { installed } from '../testbed/testbed-home.js';
import { giveTo, unprivilegedUser } from '../testbed/unprivileged.js';
import type { NativeProgram, ServerPlace, ServerRecipe } from './server-recipe.js';

const PROBE_TIMEOUT_MS = 1_000;

/** The version from which on, and the Java it wants. */
const JAVA_SINCE = { 9: 21, 8: 17 };

/** GET /_cluster/health: the root and HEAD / are missing in the distribution for tests. */
async function isHealthy(url: string): Promise<boolean> {
  const { origin, username, password } = new URL(url);
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  try {
    const response = await fetch(new URL('/_cluster/health', origin), {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      headers: username === '' ? {} : { authorization: `Basic ${credentials.toString('base64')}` },
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** A small heap, and no compiler or collector that pays off only in a long life. */
const JVM = [
  '-Xms512m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-AlwaysPreTouch',
  '-XX:-UsePerfData',
];
/** Lines of the distribution's own that speak of another collector, or write files that nobody reads. */
const UNWANTED = /G1|-Xlog:|HeapDump|ErrorFile|^\s*#|^\s*$/;

const FOLDERS = ['config', 'data', 'logs', 'tmp'];

const SETTINGS = {
  'discovery.type': 'single-node',
  'xpack.security.enabled': 'false',
  'cluster.routing.allocation.disk.threshold_enabled': 'false',
};

function settingsFile({ port, peerPort, folder }: ServerPlace): string {
  const settings = {
    ...SETTINGS,
    'network.host': '127.0.0.1',
    'http.port': port,
    'transport.port': peerPort,
    'path.data': join(folder, 'data'),
    'path.logs': join(folder, 'logs'),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** Whether everybody may pass through to the folder: a root runner's home is usually closed to others. */
function isOpen(folder: string): boolean {
  const open = (statSync(folder).mode & 0o005) === 0o005;
  return open && (dirname(folder) === folder || isOpen(dirname(folder)));
}

function program(javaHome: string, home: { readonly folder: string; readonly stamp: string }): NativeProgram {
  const user = unprivilegedUser('elasticsearch');
  const linked = user !== undefined && !isOpen(home.folder);
  const homeOf = (folder: string): string => (linked ? join(folder, 'home') : home.folder);
  return {
    version: home.stamp,
    user,
    launcher: true,
    command: ({ folder }) => [join(homeOf(folder), 'bin', 'elasticsearch')],
    env: ({ folder }) => ({
      ES_PATH_CONF: join(folder, 'config'),
      // beside the configuration: a temporary folder that holds it would open it to writing, which is refused
      ES_TMPDIR: join(folder, 'tmp'),
      ES_JAVA_HOME: javaHome,
      ES_JAVA_OPTS: '',
      // the launcher leaves a file in its temporary folder
      CLI_JAVA_OPTS: `-Djava.io.tmpdir=${join(folder, 'tmp')} -XX:-UsePerfData`,
    }),
    async prepare(place) {
      const { folder } = place;
      if (linked) await linkTree(home.folder, homeOf(folder));
      for (const name of FOLDERS) await mkdir(join(folder, name));
      const [from, to] = [join(home.folder, 'config'), join(folder, 'config')];
      await copyFile(join(from, 'log4j2.properties'), join(to, 'log4j2.properties'));
      const given = (await readFile(join(from, 'jvm.options'), 'utf8')).split('\n');
      const kept = given.filter((line) => !UNWANTED.test(line));
      await writeFile(join(to, 'jvm.options'), [...kept, ...JVM, ''].join('\n'));
      await writeFile(join(to, 'elasticsearch.yml'), settingsFile(place));
      // not the linked home: a link's owner is the owner of what it links to
      for (const name of FOLDERS) giveTo(user, join(folder, name), 'all');
    },
  };
}

/** Elasticsearch, one node, without security. The data is kept over kill() and restart(). */
export const elasticsearchRecipe: ServerRecipe = {
  kind: 'elasticsearch',
  variable: 'INFRA_TEST_ELASTICSEARCH_URL',
  startTimeoutMs: 180_000,
  url: (host, port) => `http://${host}:${port}`,
  isReady: isHealthy,
  native: {
    missing: `there is no Elasticsearch in the testbed's folder, or no Java new enough (${JAVA_SINCE[9]} for 9, ${JAVA_SINCE[8]} for 8)`,
    find() {
      const home = installed('elasticsearch');
      const java = home && findJava(/ 8\./.test(home.stamp) ? JAVA_SINCE[8] : JAVA_SINCE[9]);
      return home === undefined || java === undefined ? undefined : program(java.home, home);
    },
  },
  container: {
    image: 'elasticsearch:9.5.3',
    port: 9200,
    env: () => ({ ...SETTINGS, ES_JAVA_OPTS: '-Xms512m -Xmx512m' }),
  },
};

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../process/free-port.js';
import { findJava } from '../testbed/java.js';
import { launchNatively } from './launch.js';
import type { RunningServer } from './running-server.js';

const JAVA = 17;
const USER = { username: 'alice', password: 'alices-secret' } as const;

/** A Kafka that also listens in TLS, to a user with a password. */
export interface SecureKafka {
  readonly server: RunningServer;
  /** `host:port` of the listener in TLS, with SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. */
  readonly broker: string;
  readonly username: string;
  readonly password: string;
  /** Its certificate, signed by itself, as PEM: what clients must trust. */
  readonly ca: string;
}

/** A key and a certificate for 127.0.0.1, by the keytool that every Java has. */
async function certificate(password: string): Promise<{ readonly keystore: Buffer; readonly ca: string }> {
  const java = findJava(JAVA);
  if (java === undefined) throw new Error(`there is no Java of ${JAVA} or newer`);
  const folder = await mkdtemp(join(tmpdir(), 'infra-kit-keys-'));
  const keystore = join(folder, 'broker.p12');
  const keytool = async (...args: readonly string[]): Promise<string> => {
    const store = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', password, '-alias', 'broker'];
    const { stdout } = await promisify(execFile)(join(java.home, 'bin', 'keytool'), [...args, ...store]);
    return stdout;
  };
  try {
    const names = ['-dname', 'CN=localhost', '-ext', 'SAN=IP:127.0.0.1,DNS:localhost'];
    await keytool('-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '2', ...names);
    const ca = await keytool('-exportcert', '-rfc');
    return { keystore: await readFile(keystore), ca };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Kafka of this machine, as launchKafka() gives it, with a listener more. Rejects where none is installed. */
export async function launchSecureKafka(): Promise<SecureKafka> {
  const { keystore, ca } = await certificate(USER.password);
  const port = await freePort();
  const server = await launchNatively('kafka', { secure: { ...USER, port, keystore } });
  return { ...USER, server, broker: `127.0.0.1:${port}`, ca };
}

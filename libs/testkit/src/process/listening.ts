import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTENING = '0A';

/**
 * Whether one of these processes listens on the TCP port: one that answers there may be a stranger, who took it between
 * the look for a free port and the start. True where the system does not tell (other systems than Linux).
 */
export function listens(pids: readonly number[], port: number): boolean {
  if (process.platform !== 'linux') return true;
  const sockets = new Set(listenersOn(port).map((inode) => `socket:[${inode}]`));
  return pids.some((pid) => openFilesOf(pid).some((file) => sockets.has(file)));
}

/** See proc(5): local address and port in hexadecimal, state, and at last the inode of the socket. */
function listenersOn(port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['tcp', 'tcp6'].flatMap((table) => {
    const lines = read(`/proc/self/net/${table}`).split('\n');
    return lines.flatMap((line) => {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      return state === LISTENING && inode !== undefined && local?.endsWith(suffix) === true ? [inode] : [];
    });
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // without IPv6 there is no tcp6
  }
}

function openFilesOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)];
      } catch {
        return []; // closed meanwhile
      }
    });
  } catch {
    return []; // it ended
  }
}

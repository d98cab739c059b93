import { randomInt } from 'node:crypto';
import { WorkerIdSource, type WorkerIdLease } from '../worker-id-source.js';
import { ownedId } from './fixed-worker-id.source.js';

/** Any id, with nothing to keep two processes from the same one: for development and tests. */
export class RandomWorkerIdSource extends WorkerIdSource {
  override acquire(_service: string, maxInstanceId: number): Promise<WorkerIdLease> {
    return Promise.resolve(ownedId(randomInt(1, maxInstanceId + 1)));
  }
}

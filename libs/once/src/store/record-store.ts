import type { CallOptions } from '@infra-kit/kernel';
import type { OnceRecord } from '../once.provider.js';

/** What can be asked of kept keys, by the names the store has for them. */
export interface RecordStore {
  read(stored: string, limits: CallOptions): Promise<OnceRecord | undefined>;
  clear(stored: string, limits: CallOptions): Promise<boolean>;
  clearAll(storedPrefix: string, limits: CallOptions): Promise<number>;
}

import { messageOf } from '@infra-kit/kernel';
import type { WatchListener, WatchSignal } from './coord-driver.js';

/** Tells a listener; what it throws is a defect of its own, which hurts nobody else. */
export function tell(listener: WatchListener, signal: WatchSignal): void {
  try {
    listener(signal);
  } catch (error) {
    process.emitWarning(`a watch listener threw: ${messageOf(error)}`, { code: 'INFRA_COORD_LISTENER' });
  }
}

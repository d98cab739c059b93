import { invalidArgument, placeOf, shown, type Place } from '@infra-kit/kernel';

export { closedError, errorAt as mqError, invalidArgument, shown } from '@infra-kit/kernel';

/** Which provider speaks, for messages: `mq`, or `mq(events)`. */
export type MqPlace = Place;

export const mqPlace = (name: string): MqPlace => placeOf('mq', name);

export function checkGroup(place: MqPlace, group: unknown): void {
  if (typeof group !== 'string' || group === '')
    throw invalidArgument(place, `group must be a name, got ${shown(group)}`);
}

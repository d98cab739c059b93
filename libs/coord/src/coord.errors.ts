import { placeOf, type Place } from '@infra-kit/kernel';

export { closedError, errorAt as coordError, invalidArgument, shown } from '@infra-kit/kernel';

/** Which coord speaks, for messages: `coord`, or `coord(orders)`. */
export type CoordPlace = Place;

export const coordPlace = (name: string): CoordPlace => placeOf('coord', name);

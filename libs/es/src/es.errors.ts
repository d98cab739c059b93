import { placeOf, type Place } from '@infra-kit/kernel';

export { closedError, errorAt as esError, invalidArgument, shown } from '@infra-kit/kernel';

/** Which es speaks, for messages: `es`, or `es(catalog)`. */
export type EsPlace = Place;

export const esPlace = (name: string): EsPlace => placeOf('es', name);

import { lazyCounter } from '@infra-kit/kernel';

/** The OpenTelemetry instrumentation scope of this package. */
export const UID_SCOPE = '@infra-kit/uid';

/** Leases of an instance id that were lost, counted once each. No labels. */
export const UID_LEASES_LOST = 'infra.uid.leases.lost';
/** Steps back of the clock met while making a snowflake. Label `outcome`: waited | refused. */
export const UID_CLOCK_ROLLBACKS = 'infra.uid.clock.rollbacks';
/** Milliseconds whose 4,096 ids were used up, so that the caller waited for the next. No labels. */
export const UID_SEQUENCE_WAITS = 'infra.uid.sequence.waits';
/** High-water marks that could not be stored. No labels. */
export const UID_MARK_FAILURES = 'infra.uid.high_water.failures';

export const leasesLost = lazyCounter(UID_SCOPE, UID_LEASES_LOST, { unit: '{lease}' });
export const clockRollbacks = lazyCounter(UID_SCOPE, UID_CLOCK_ROLLBACKS, { unit: '{step}' });
export const sequenceWaits = lazyCounter(UID_SCOPE, UID_SEQUENCE_WAITS, { unit: '{wait}' });
export const markFailures = lazyCounter(UID_SCOPE, UID_MARK_FAILURES, { unit: '{save}' });

import { lazyCounter, lazyHistogram } from '@infra-kit/kernel';

/** Scope of the instruments and of the tracer. */
export const ES_SCOPE = '@infra-kit/es';

/** Names of the metrics. Labels are bounded: never an index, a document or a text. */
export const ES_METRICS = {
  /**
   * Histogram, seconds, all tries of a call together; as OpenTelemetry's conventions for database clients name it.
   * Labels: db.system.name, db.operation.name, infra.instance, error.type.
   */
  duration: 'db.client.operation.duration',
  /** Counter. Documents given to `bulkIndex` and writers, by `outcome`: indexed, failed. */
  documents: 'infra.es.bulk.documents',
  /** Counter. Documents sent again. */
  retries: 'infra.es.bulk.retries',
} as const;

export const durationHistogram = lazyHistogram(ES_SCOPE, ES_METRICS.duration, {
  unit: 's',
  description: 'Time of a call to the cluster, all tries included',
  advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
});
export const documentsCounter = lazyCounter(ES_SCOPE, ES_METRICS.documents, {
  unit: '{document}',
  description: 'Documents given for indexing, by outcome',
});
export const retriesCounter = lazyCounter(ES_SCOPE, ES_METRICS.retries, {
  unit: '{document}',
  description: 'Documents sent again',
});

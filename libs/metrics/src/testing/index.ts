export { startFakeCollector, type CollectorMood, type FakeCollector } from './fake-collector.js';
export type { Labels, ReceivedLog, ReceivedMetric, ReceivedPoint, ReceivedSpan } from './otlp-items.js';

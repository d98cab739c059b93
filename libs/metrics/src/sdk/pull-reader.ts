import { AggregationTemporality, AggregationType, MetricReader } from '@opentelemetry/sdk-metrics';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';

/** Reads all instruments when asked, as Prometheus wants them: sums since the start. */
export class PullReader extends MetricReader {
  readonly #serializer = new PrometheusSerializer('', false, undefined, false, true);

  constructor(cardinalityLimit: number) {
    super({
      aggregationSelector: () => ({ type: AggregationType.DEFAULT }),
      aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE,
      cardinalitySelector: () => cardinalityLimit,
    });
  }

  async text(): Promise<string> {
    const { resourceMetrics } = await this.collect();
    return this.#serializer.serialize(resourceMetrics);
  }

  protected override async onForceFlush(): Promise<void> {
    // nothing waits here
  }
  protected override async onShutdown(): Promise<void> {
    // nothing is open here
  }
}

import { RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace';
import { InfraContext } from '@infra-kit/kernel';

/** A trace that begins inside an InfraContext takes its trace id: header, log lines and spans then agree. */
export class ContextIdGenerator implements IdGenerator {
  readonly #random = new RandomIdGenerator();

  generateSpanId(): string {
    return this.#random.generateSpanId();
  }

  generateTraceId(): string {
    return InfraContext.current()?.traceId ?? this.#random.generateTraceId();
  }
}

import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SamplingResult,
} from '@opentelemetry/sdk-trace';

export type SamplerKind = 'always' | 'never' | 'ratio' | 'parent-ratio';

function samplerOf(kind: SamplerKind, ratio: number): Sampler {
  if (kind === 'always') return new AlwaysOnSampler();
  if (kind === 'never') return new AlwaysOffSampler();
  const byRatio = new TraceIdRatioBasedSampler(ratio);
  return kind === 'ratio' ? byRatio : new ParentBasedSampler({ root: byRatio });
}

/** A sampler whose ratio can change while it decides. */
export class HotSampler implements Sampler {
  readonly #kind: SamplerKind;
  #current: Sampler;

  constructor(kind: SamplerKind, ratio: number) {
    this.#kind = kind;
    this.#current = samplerOf(kind, ratio);
  }

  setRatio(ratio: number): void {
    this.#current = samplerOf(this.#kind, ratio);
  }

  shouldSample(...args: Parameters<Sampler['shouldSample']>): SamplingResult {
    return this.#current.shouldSample(...args);
  }

  toString(): string {
    return this.#current.toString();
  }
}

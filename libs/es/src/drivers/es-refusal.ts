import type { InfraErrorCode } from '@infra-kit/kernel';

/** What a driver says no with, when no client says it. */
export class EsRefusal extends Error {
  static {
    this.prototype.name = 'EsRefusal';
  }

  readonly code: InfraErrorCode;

  constructor(code: InfraErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

import type { InfraErrorCode } from '@infra-kit/kernel';

/** What the memory store answers instead of a result. */
export class MemoryStoreError extends Error {
  static {
    this.prototype.name = 'MemoryStoreError';
  }

  readonly code: InfraErrorCode;

  constructor(code: InfraErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

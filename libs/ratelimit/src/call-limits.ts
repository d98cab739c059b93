import { InfraContext, type CallOptions } from '@infra-kit/kernel';

/** True when the call itself sets no limit. */
export function isFree(options: CallOptions | undefined): boolean {
  return options?.signal === undefined && options?.timeoutMs === undefined;
}

export function isContextLimited(): boolean {
  const context = InfraContext.current();
  return context?.signal !== undefined || context?.deadline !== undefined;
}

/** True when what the call belongs to has ended: what is decided at once needs no more of a limit than this. */
export function isContextOver(): boolean {
  const context = InfraContext.current();
  if (context === undefined) return false;
  return (
    context.signal?.aborted === true || (context.deadline !== undefined && InfraContext.remainingMs() <= 0)
  );
}

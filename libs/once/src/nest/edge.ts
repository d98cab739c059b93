import type { ExecutionContext } from '@nestjs/common';
import { EdgeCalls } from '@infra-kit/kernel';

/** Tickets and frames of idempotent calls, in every application of the process: they live as long as a call. */
export const edgeCalls = new EdgeCalls();

/** What wrappers and edges do once a call. */
export const DECIDED = 'idempotency';

/** Calls that an interceptor has decided: the global one and the method's share a context. */
export const decidedContexts = new WeakSet<ExecutionContext>();

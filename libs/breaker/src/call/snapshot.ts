import type { Clock } from '@infra-kit/kernel';
import type { BreakerSnapshot } from '../breaker.provider.js';
import type { CircuitState, Tally } from '../circuit/circuit-state.js';
import type { Circuit } from '../circuit/circuit.js';

const NOTHING: Tally = { calls: 0, failures: 0, slow: 0 };

function tallyOf(state: CircuitState): Tally {
  if (state.kind === 'closed') return state.window;
  if (state.kind === 'open') return state.tally;
  return state.kind === 'half-open' ? { calls: state.successes, failures: 0, slow: state.slow } : NOTHING;
}

export function snapshotOf(circuit: Circuit, clock: Clock, inFlight: number | undefined): BreakerSnapshot {
  const { state, notPermitted } = circuit;
  if (state.kind === 'closed') state.window.roll(() => clock.monotonic());
  const { calls, failures, slow } = tallyOf(state);
  return {
    state: state.kind,
    failureRate: calls === 0 ? 0 : failures / calls,
    slowRate: calls === 0 ? 0 : slow / calls,
    calls,
    failures,
    slow,
    consecutiveFailures: state.kind === 'closed' ? state.consecutiveFailures : 0,
    notPermitted,
    ...(state.kind === 'open' && { openUntil: Math.ceil(clock.now() + state.until - clock.monotonic()) }),
    ...((state.kind === 'open' || state.kind === 'half-open') && { openings: state.openings }),
    ...(state.kind === 'half-open' && { probes: state.probes.size }),
    ...(inFlight !== undefined && { inFlight }),
  };
}

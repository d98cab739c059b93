import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { addGatewayFilter, classesOf, methodsOf, moveToEnd } from '@infra-kit/kernel';
import { DefaultRateLimitProvider } from '../default-ratelimit.provider.js';
import { invalidArgument, rateLimitPlace, shown, unknownRule } from '../ratelimit.errors.js';
import type { RateLimitProvider } from '../ratelimit.provider.js';
import { RateLimitEdgeInterceptor } from './edge.interceptor.js';
import { RateLimitGuard } from './ratelimit.guard.js';
import { RateLimitRefusalFilter } from './refusal.filter.js';
import { documentRefusal } from './swagger.js';
import { CLASS_USES, ownUses, skippedBy, type RateLimitUse } from './uses.js';

const GUARDS = '__guards__';
const INTERCEPTORS = '__interceptors__';

/** One for all applications of the process, because metadata of a class is shared by them: it holds no state. */
const GATEWAY_FILTER = new RateLimitRefusalFilter();

/**
 * What has to be done to the classes of an application before Nest builds its handlers: order of guards and interceptors,
 * filters, rules that must be there. NOT_FOUND for a rule that nobody has configured.
 */
export function setUpApplication(
  provider: RateLimitProvider,
  modules: ModulesContainer,
  config: ApplicationConfig,
  host: HttpAdapterHost,
): void {
  config.getGlobalFilters().unshift(new RateLimitRefusalFilter({ host }));
  for (const cls of classesOf(modules)) {
    const name = String(Reflect.get(cls, 'name'));
    const ofClass = (Reflect.getMetadata(CLASS_USES, cls) ?? []) as readonly RateLimitUse[];
    need(provider, ofClass, name);
    knowSkipped(provider, cls);
    addGatewayFilter(cls, GATEWAY_FILTER);
    for (const [key, method] of methodsOf(cls)) {
      const uses = ownUses(method);
      need(provider, uses, `${name}.${key}`);
      knowSkipped(provider, method);
      moveToEnd(method, GUARDS, RateLimitGuard);
      moveToEnd(method, INTERCEPTORS, RateLimitEdgeInterceptor);
      if (uses.length + ofClass.length > 0) documentRefusal(cls, method);
    }
  }
}

function need(provider: RateLimitProvider, uses: readonly RateLimitUse[], where: string): void {
  if (!(provider instanceof DefaultRateLimitProvider)) return;
  for (const { rule, cost } of uses) {
    const by = `@RateLimit on ${where}`;
    provider.need(rule, by);
    if (cost === undefined || typeof cost === 'function' || (cost >= 0 && cost < Infinity)) continue;
    throw invalidArgument(
      rateLimitPlace(provider.name),
      `cost of ${by} must be a finite number ≥ 0, got ${shown(cost)}`,
    );
  }
}

/** A misspelt rule would go on limiting what was to be let through. It may vanish later: then nothing limits. */
function knowSkipped(provider: RateLimitProvider, target: object): void {
  const known = provider.rules();
  for (const rule of skippedBy(target) ?? [])
    if (!Object.hasOwn(known, rule))
      throw unknownRule(rateLimitPlace(provider.name), rule, Object.keys(known));
}

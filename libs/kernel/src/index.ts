import 'reflect-metadata';

export type { CallOptions } from './context/call-options.js';
export type { ContextData, ContextInit } from './context/context-store.js';
export { InfraContext } from './context/infra-context.js';
export {
  DEADLINE_HEADER,
  TRACE_ID_HEADER,
  TRACEPARENT_HEADER,
  type CarrierGetter,
  type CarrierSetter,
} from './context/propagation.js';
export { formatTraceparent, parseTraceparent, validTraceId, type TraceParent } from './context/trace-ids.js';
export { abortError, withDeadline } from './context/deadline.js';

export {
  InfraError,
  isInfraError,
  type InfraErrorCode,
  type InfraErrorOptions,
} from './errors/infra-error.js';
export {
  grpcCallOf,
  grpcErrorOf,
  type GrpcError,
  type GrpcErrorParts,
  type GrpcMetadata,
  type GrpcServerCall,
} from './errors/grpc-error.js';
export { messageOf } from './errors/message-of.js';
export { closedError, errorAt, invalidArgument, placeOf, shown, type Place } from './errors/place.js';
export { codeOfSqlState } from './errors/sql-state.js';
export { codeOfHttpStatus, grpcStatusOf, httpStatusOf } from './errors/http-status.js';
export { problemOf, type Problem, type ProblemDetails } from './errors/problem-details.js';
export {
  InfraExceptionFilter,
  type InfraExceptionFilterDeps,
  type ProblemJsonScope,
} from './errors/infra-exception.filter.js';

export { Clock, SystemClock, type Timer } from './ports/clock.js';
export { ConfigSource, type ConfigDocument, type ConfigOutcome } from './ports/config-source.js';
export type { HealthReport, HealthStatus } from './ports/health.js';
export { LockLostError, type Lock, type LockOptions, type LockService } from './ports/lock.js';
export { LineLogger, Logger, type LogMethod } from './ports/logger.js';
export { NestLogger } from './ports/nest-logger.js';
export { SwitchableLogger } from './ports/switchable-logger.js';

export {
  HealthRegistry,
  type ComponentHealth,
  type HealthCheck,
  type ServiceHealth,
} from './lifecycle/health-registry.js';
export { closeOnFailure } from './lifecycle/opened-stacks.js';
export { ReloadRegistry, type ReloadStatus, type ReloadTarget } from './lifecycle/reload-registry.js';
export {
  PHASES,
  ResourceStack,
  type ClosedResource,
  type CloseReport,
  type Phase,
  type Resource,
} from './lifecycle/resource-stack.js';

export { addRequestHook, rawOf, SERVER_SPAN, type RequestHook } from './http/request-hook.js';
export { isUnder, pathOf, routeOf } from './http/request-route.js';

export { HeldLease, type LeaseTerms } from './lease/held-lease.js';
export { HeldLock, type HeldLockParts } from './lease/held-lock.js';
export {
  LockFront,
  runLocked,
  type LockDriver,
  type LockFrontOptions,
  type LockRequest,
} from './lease/lock-front.js';

export { ConfigError, isConfigError } from './config/config-error.js';
export { parseDuration } from './config/duration.js';
export { envText, isProductionLike, redactUrl, resolveEnv } from './config/environment.js';
export { parseConfig, type ConfigPlace } from './config/parse-config.js';

export {
  buildComponent,
  DEFAULT_INSTANCE,
  instanceToken,
  type AsyncOptions,
  type ComponentDefinition,
  type ComponentDeps,
  type ComponentProvider,
  type ComponentSetting,
  type Injected,
  type InjectedArgs,
  type InjectionEntry,
  type Placement,
} from './module/component.js';
export { acceptReloads, type Reloadable } from './module/accept-reloads.js';
export { addGatewayFilter, classesOf, methodsOf, moveToEnd } from './module/application-classes.js';
export { componentModule, componentModuleAsync } from './module/component-module.js';
export {
  decorateMethod,
  type AsyncMethodDecorator,
  type MethodCall,
  type MethodDecoration,
} from './module/decorate-method.js';
export { EdgeCalls, type EnteredCall } from './module/edge-calls.js';
export { injectedProvider, injectProvider } from './module/inject-provider.js';
export { missingModule } from './module/missing-module.js';
export { documentAnswers } from './module/open-api.js';
export {
  APP_IDENTITY,
  FORCED_TEST_SETTING,
  KernelModule,
  reportClose,
  TEST_SETTING,
  type AppIdentity,
  type TestSetting,
} from './module/kernel.module.js';

export { lazyCounter, lazyHistogram, lazyUpDownCounter } from './telemetry/instruments.js';
export { CONFIG_RELOADS, KERNEL_SCOPE } from './telemetry/kernel.telemetry.js';

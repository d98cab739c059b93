import { InfraError } from '@infra-kit/kernel';

export function clogClosed(instance: string, method: string): InfraError {
  return new InfraError(
    'FAILED_PRECONDITION',
    `clog(${instance}).${method}: closed; lines still go to stderr, nothing else works`,
    { component: 'clog', instance },
  );
}

export function noFreeSlot(path: string, tried: number): InfraError {
  return new InfraError(
    'FAILED_PRECONDITION',
    `clog: ${tried} processes already write ${path} and its siblings; give each group its own output`,
    { component: 'clog' },
  );
}

export function wrongNamespace(namespace: unknown): InfraError {
  return new InfraError('INVALID_ARGUMENT', `clog.logger: a namespace is a string, got ${typeof namespace}`, {
    component: 'clog',
  });
}

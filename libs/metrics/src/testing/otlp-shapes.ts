import { many, one, type Shape } from './protobuf-reader.js';

// opentelemetry/proto/**/v1 of https://github.com/open-telemetry/opentelemetry-proto, as far as it is looked at here

const anyValue: Record<number, Shape[number]> = {
  1: one('text', 'text'),
  2: one('bool', 'bool'),
  3: one('int', 'int'),
  4: one('double', 'double'),
};
anyValue[5] = one('list', { 1: many('values', anyValue) });
const keyValue: Shape = { 1: one('key', 'text'), 2: one('value', anyValue) };
const resource: Shape = { 1: many('attributes', keyValue) };
const scope: Shape = { 1: one('name', 'text'), 2: one('version', 'text') };

const span: Shape = {
  1: one('traceId', 'hex'),
  2: one('spanId', 'hex'),
  4: one('parentSpanId', 'hex'),
  5: one('name', 'text'),
  6: one('kind', 'int'),
  7: one('startTime', 'fixed64'),
  8: one('endTime', 'fixed64'),
  9: many('attributes', keyValue),
  11: many('events', { 2: one('name', 'text'), 3: many('attributes', keyValue) }),
  13: many('links', { 1: one('traceId', 'hex'), 2: one('spanId', 'hex') }),
  15: one('status', { 2: one('message', 'text'), 3: one('code', 'int') }),
};

const numberPoint: Shape = {
  7: many('attributes', keyValue),
  4: one('double', 'double'),
  6: one('int', 'sfixed64'),
};
const histogramPoint: Shape = {
  9: many('attributes', keyValue),
  4: one('count', 'sfixed64'),
  5: one('sum', 'double'),
  6: one('counts', 'counts'),
  7: one('bounds', 'doubles'),
};
const metric: Shape = {
  1: one('name', 'text'),
  2: one('description', 'text'),
  3: one('unit', 'text'),
  5: one('gauge', { 1: many('points', numberPoint) }),
  7: one('sum', { 1: many('points', numberPoint), 3: one('monotonic', 'bool') }),
  9: one('histogram', { 1: many('points', histogramPoint) }),
};

const logRecord: Shape = {
  1: one('time', 'fixed64'),
  2: one('severity', 'int'),
  3: one('severityText', 'text'),
  5: one('body', anyValue),
  6: many('attributes', keyValue),
  9: one('traceId', 'hex'),
  10: one('spanId', 'hex'),
};

/** What a collector is sent, of one signal: resources, their scopes, their items. */
const request = (item: Shape): Shape => ({
  1: many('resources', {
    1: one('resource', resource),
    2: many('scopes', { 1: one('scope', scope), 2: many('items', item) }),
  }),
});

export const TRACES: Shape = request(span);
export const METRICS: Shape = request(metric);
export const LOGS: Shape = request(logRecord);

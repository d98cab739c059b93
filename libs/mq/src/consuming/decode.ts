import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validate, type ValidationError } from 'class-validator';
import { messageOf } from '@infra-kit/kernel';
import { invalidArgument, mqError, type MqPlace } from '../mq.errors.js';
import type { SettledOptions } from './settled-options.js';

function sentences(errors: readonly ValidationError[], path = ''): string[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => [
    ...Object.values(constraints).map((rule) => `${path}${rule}`),
    ...sentences(children, `${path}${property}.`),
  ]);
}

/**
 * The value of a message: decoded, and an instance of the schema's class. DATA_LOSS for bytes that do not decode,
 * INVALID_ARGUMENT for a value that does not fit the schema; neither gets better by trying again.
 */
export async function decodeValue(
  place: MqPlace,
  { codec, schema }: Pick<SettledOptions, 'codec' | 'schema'>,
  bytes: Buffer | null,
): Promise<unknown> {
  if (bytes === null) return null;
  const value = decoded(place, codec, bytes);
  if (schema === undefined) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgument(place, `value: ${schema.name} is an object`);
  const instance = plainToInstance(schema, value);
  const errors = await validate(instance, { forbidUnknownValues: true });
  if (errors.length > 0)
    throw invalidArgument(place, `value: it is no ${schema.name}: ${sentences(errors).join('; ')}`);
  return instance;
}

function decoded(place: MqPlace, codec: SettledOptions['codec'], bytes: Buffer): unknown {
  try {
    return codec.decode(bytes);
  } catch (error) {
    throw mqError(place, 'DATA_LOSS', `value: it is no ${codec.name}: ${messageOf(error)}`, { cause: error });
  }
}

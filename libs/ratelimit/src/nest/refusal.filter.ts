import { Catch } from '@nestjs/common';
import { InfraExceptionFilter } from '@infra-kit/kernel';
import { RateLimitExceededError } from '../ratelimit.errors.js';

/**
 * Answers refusals, and nothing else, as the suite does, also where the umbrella is not there: problem+json with 429, an
 * error observable over RPC, an `exception` event on a WebSocket. Asked last: filters of the application win.
 */
@Catch(RateLimitExceededError)
export class RateLimitRefusalFilter extends InfraExceptionFilter {}

import { Catch } from '@nestjs/common';
import { InfraExceptionFilter } from '@infra-kit/kernel';
import { OnceError, OnceLeaseLostError } from '../once.errors.js';

/** Answers refusals, and nothing else, as the suite does, also where the umbrella is not there. Asked last. */
@Catch(OnceError, OnceLeaseLostError)
export class OnceRefusalFilter extends InfraExceptionFilter {}
